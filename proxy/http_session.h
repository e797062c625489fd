// HTTP/1 requests of one connection, each decided by itself.
#pragma once

#include "proxy/connection.h"

namespace srt::proxy {

// A client that uses us as its proxy: absolute-form requests and CONNECT.
Awaitable<void> serve_http_proxy(Connection& connection);

// Plain HTTP inside a tunnel: origin-form requests, whose Host must agree with where the tunnel
// leads. Connection::upstream is connected to Connection::destination().
Awaitable<void> serve_http_inside(Connection& connection);

}  // namespace srt::proxy
