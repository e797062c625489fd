// A tunnel through another proxy: HTTP CONNECT (RFC 9110 §9.3.6) or SOCKS5 (RFC 1928), as its
// client.
#pragma once

#include <string>

#include "proxy/connection.h"
#include "proxy/route.h"

namespace srt::proxy {

// Over Connection::upstream, which is connected to the proxy, to Connection::destination(). Empty:
// it stands; otherwise why not.
Awaitable<std::string> open_parent_tunnel(Connection& connection, Route route);

}  // namespace srt::proxy
