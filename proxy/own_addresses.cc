#include "proxy/own_addresses.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace srt::proxy {

InterfaceAddresses::InterfaceAddresses() : changes_(subscribe_to_address_changes()) {
  read();  // after the subscription: nothing falls between
}

InterfaceAddresses::~InterfaceAddresses() {
  if (changes_ >= 0) close(changes_);
}

void InterfaceAddresses::read() {
  std::optional<std::vector<IpAddress>> now = read_interface_addresses(changes_);
  if (!now) return;  // what was known stays
  addresses_ = *std::move(now);
  known_ = true;
}

bool InterfaceAddresses::has_changed() const {
  if (changes_ < 0) return true;
  bool changed = false;
  std::array<char, 8192> message;
  while (true) {
    const ssize_t size = recv(changes_, message.data(), message.size(), 0);
    if (size > 0 || (size < 0 && errno == ENOBUFS)) {  // ENOBUFS: announcements were lost
      changed = true;
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    return changed;
  }
}

const std::vector<IpAddress>& InterfaceAddresses::list() {
  if (has_changed()) read();
  return addresses_;
}

std::vector<IpAddress> OwnAddresses::list() {
  std::vector<IpAddress> all = here_.list();
  if (host_) {
    const std::vector<IpAddress>& others = host_->list();
    all.insert(all.end(), others.begin(), others.end());
  }
  return all;
}

}  // namespace srt::proxy
