// What CONNECT, SOCKS5 and transparent connections become once their destination is reached and the
// client has its answer: bytes, whose first ones are judged.
//
// TLS is not terminated, but where the policy says so (terminated.h). The server name that the client asks for must be the destination or itself
// be allowed, because a shared front end would otherwise serve any name (domain fronting by SNI).
// Plain HTTP/1 is judged request by request. Until the client's first bytes are judged nothing of
// theirs goes upstream; what the server says meanwhile is passed on.
#pragma once

#include "proxy/connection.h"

namespace srt::proxy {

Awaitable<void> serve_tunnel(Connection& connection);

}  // namespace srt::proxy
