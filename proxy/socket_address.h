// Between the kernel's socket addresses and ours.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "proxy/asio.h"
#include "proxy/ip_address.h"

namespace srt::proxy {

std::optional<Endpoint> endpoint_of(const sockaddr& address);  // AF_INET and AF_INET6 only
std::optional<Endpoint> local_endpoint(int fd);
// Of the socket, not of its address: a v4 address may stand on a v6 socket. AF_UNSPEC: it is none.
int family_of(int fd);
Tcp::endpoint to_asio(const Endpoint& endpoint);

}  // namespace srt::proxy
