// A tunnel whose TLS is opened (tlsTerminate): towards the client the guard is the server, towards the server a
// client that verifies it, and in between are requests that are judged as plain ones are.
//
// What would have been judged of a tunnel that stays closed has been judged: destination, address, server name.
#pragma once

#include "proxy/client_hello.h"
#include "proxy/connection.h"

namespace srt::proxy {

// `Connection::from_client` begins with `hello`, `upstream` is connected, and the tunnel holds its place.
Awaitable<void> serve_terminated(Connection& connection, Peeked hello);

}  // namespace srt::proxy
