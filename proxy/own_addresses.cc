#include "proxy/own_addresses.h"

#include <errno.h>
#include <ifaddrs.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "proxy/socket_address.h"

namespace srt::proxy {

OwnAddresses::OwnAddresses(net::io_context& io) : changes_(io) {
  const int fd = subscribe_to_address_changes();
  if (fd >= 0) {
    error_code error;
    changes_.assign(fd, error);
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
