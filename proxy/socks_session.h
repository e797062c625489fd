// SOCKS5 (RFC 1928): CONNECT, with names looked up here (socks5h). BIND and UDP ASSOCIATE would
// open ways past the rules and are answered 0x07.
#pragma once

#include "proxy/connection.h"

namespace srt::proxy {

Awaitable<void> serve_socks(Connection& connection);

}  // namespace srt::proxy
