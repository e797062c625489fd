#include "proxy/own_addresses.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "proxy/socket_address.h"

namespace srt::proxy {

OwnAddresses::OwnAddresses(net::io_context& io) : changes_(io) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd >= 0) {
    sockaddr_nl groups{};
    groups.nl_family = AF_NETLINK;
    groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    error_code error;
    if (bind(fd, reinterpret_cast<const sockaddr*>(&groups), sizeof groups) == 0) {
      changes_.assign(fd, error);
    }
    if (!changes_.is_open()) close(fd);
  }
  read();  // after the subscription: nothing falls between
}

void OwnAddresses::read() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return;  // what was known stays
  addresses_.clear();
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (auto endpoint = endpoint_of(*entry->ifa_addr)) addresses_.push_back(endpoint->address);
  }
  freeifaddrs(list);
}

const std::vector<IpAddress>& OwnAddresses::list() {
  if (!changes_.is_open()) {
    read();
    return addresses_;
  }
  bool changed = false;
  std::array<char, 8192> message;
  while (true) {
    const ssize_t size = recv(changes_.native_handle(), message.data(), message.size(), 0);
    if (size > 0 || (size < 0 && errno == ENOBUFS)) {  // ENOBUFS: announcements were lost
      changed = true;
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    break;
  }
  if (changed) read();
  return addresses_;
}

}  // namespace srt::proxy
