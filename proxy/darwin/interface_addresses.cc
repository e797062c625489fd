// Darwin: a routing socket hears of every change, that of an address among them (route(4)).
#include <fcntl.h>
#include <ifaddrs.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/own_addresses.h"
#include "proxy/socket_address.h"

namespace srt::proxy {

int subscribe_to_address_changes() {
  const int fd = socket(PF_ROUTE, SOCK_RAW, AF_UNSPEC);
  if (fd < 0) return -1;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0) return fd;
  close(fd);
  return -1;
}

std::optional<std::vector<IpAddress>> read_interface_addresses(int /*changes*/) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  std::vector<IpAddress> addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (auto endpoint = endpoint_of(*entry->ifa_addr)) addresses.push_back(endpoint->address);
  }
  freeifaddrs(list);
  return addresses;
}

}  // namespace srt::proxy
