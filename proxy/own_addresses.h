// The addresses of this host's interfaces, kept fresh: whatever stands on them is the host itself, which a
// sandbox must not reach under a public-looking address.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "proxy/ip_address.h"

namespace srt::proxy {

// Those of one network namespace, that in which this was made, wherever the process goes afterwards.
class InterfaceAddresses {
 public:
  InterfaceAddresses();
  InterfaceAddresses(const InterfaceAddresses&) = delete;
  InterfaceAddresses& operator=(const InterfaceAddresses&) = delete;
  ~InterfaceAddresses();

  bool known() const { return known_; }  // false: they could not be read once
  // Looks at once at what the kernel has announced, so that an address that was added a moment ago
  // counts.
  const std::vector<IpAddress>& list();

 private:
  bool has_changed() const;
  void read();

  int changes_ = -1;  // -1: read anew every time
  bool known_ = false;
  std::vector<IpAddress> addresses_;
};

// Those of the namespace that the guard dials from, and of the host where that is another one: an engine's
// network leads to the host like any other.
class OwnAddresses {
 public:
  explicit OwnAddresses(std::shared_ptr<InterfaceAddresses> host) : host_(std::move(host)) {}
  std::vector<IpAddress> list();

 private:
  InterfaceAddresses here_;
  const std::shared_ptr<InterfaceAddresses> host_;  // null: it is the same
};

// ---- per platform: proxy/linux/, proxy/darwin/

// A socket, not blocking, on which something can be read after an address has come or gone. -1: there is
// none.
int subscribe_to_address_changes();
// What the interfaces have where `changes` was made. Nothing: it cannot be told now.
std::optional<std::vector<IpAddress>> read_interface_addresses(int changes);

}  // namespace srt::proxy
