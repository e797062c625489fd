// DNS for the sandbox. An allowed name gets a synthetic address, at which its connection will
// arrive; no query, allowed or not, leaves the host from here: a lookup is a data channel.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/acceptor.h"
#include "proxy/guard_state.h"

namespace srt::proxy {

using SharedUdpSocket = std::shared_ptr<net::ip::udp::socket>;
SharedUdpSocket adopt_udp_socket(net::io_context& io, int fd);  // as adopt_listener()

// The answer to one message, with its audit event; empty: none is due.
std::string answer_dns(GuardState& guard, std::string_view message);

// The answer comes from the address that was asked, whichever it was: resolv.conf may name
// anything.
Awaitable<void> serve_dns_udp(std::shared_ptr<GuardState> guard, SharedUdpSocket socket);
Awaitable<void> serve_dns_tcp(std::shared_ptr<GuardState> guard, Socket client);  // RFC 7766

}  // namespace srt::proxy
