// The addresses of this network namespace's interfaces, kept fresh: whatever stands on them is the
// host itself, which a sandbox must not reach under a public-looking address.
#pragma once

#include <memory>
#include <vector>

#include "proxy/asio.h"
#include "proxy/ip_address.h"

namespace srt::proxy {

class OwnAddresses {
 public:
  explicit OwnAddresses(net::io_context& io);
  // Looks at once at what the kernel has announced, so that an address that was added a moment ago
  // counts.
  const std::vector<IpAddress>& list();

 private:
  void read();

  std::vector<IpAddress> addresses_;
  net::posix::stream_descriptor changes_;  // closed: read anew every time
};

// A socket, not blocking, on which something can be read after an address has come or gone. -1: there is
// none. Per platform: proxy/linux/, proxy/darwin/.
int subscribe_to_address_changes();

}  // namespace srt::proxy
