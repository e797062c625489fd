// A socket as OpenSSL reads and writes it: first the bytes that somebody read from it before. A write to a
// connection that has ended is an error, not a signal.
#pragma once

#include <string>

#include "shim/srt-tls/openssl.h"

namespace srt::tls {

// Does not own the socket, which does not block. Null: no memory.
BIO* new_socket_bio(int socket, std::string read_before);

}  // namespace srt::tls
