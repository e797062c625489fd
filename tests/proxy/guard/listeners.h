// Sockets as a sandbox would hand them to the guard, on this host's loopback.
#pragma once

#include <string>

#include "proxy/ip_address.h"

namespace srt::proxy::tests {

// Port 0: any. -1: errno says why.
int listen_tcp(const Endpoint& place);
int listen_unix(const std::string& path);
int bind_udp(const Endpoint& place);  // with IP_PKTINFO, IPV6_RECVPKTINFO

}  // namespace srt::proxy::tests
