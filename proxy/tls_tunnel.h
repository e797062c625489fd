// A tunnel of TLS: which server names the client asks for, in its first hello and in one that the server asks it to
// send again.
#pragma once

#include "proxy/client_hello.h"
#include "proxy/connection.h"

namespace srt::proxy {

// Whether the server name of a hello is the destination, or may be asked for itself. What is wrong is told of.
bool may_ask_for(Connection& connection, const Peeked& hello);

// Both directions, until they have ended. `Connection::from_client` begins with a hello that has been judged.
//
// RFC 8446 §4.1.4: a server may answer it by HelloRetryRequest, and the client says hello again, with another server
// name if it likes: OpenSSL's servers take that one. So the client's records are looked at until the server has
// answered, and after such an answer until the second hello is judged, too. No client of TLS sends any other
// handshake message before the server's answer.
Awaitable<void> relay_tls(Connection& connection);

}  // namespace srt::proxy
