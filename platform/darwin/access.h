// All that a Seatbelt profile is made of: what the bundle and the policy let a program do on this host.
#pragma once

#include <cstdint>
#include <string>

#include "platform/host_access.h"

namespace srt::platform::darwin {

enum class Network {
  kNone,   // nothing but what HostAccess opens
  kGuard,  // the egress guard's one port on loopback
  kHost,   // the host's, without rules
};

struct Access {
  HostAccess host;
  Network network = Network::kNone;
  uint16_t guard_port = 0;  // with Network::kGuard
  // Of this run: absolute, resolved, exists, 0700. Read and written whatever the rules say.
  std::string private_folder;  // empty: none
  // Ends the lines of this run's violations in the system's log: letters, digits and "_" only.
  std::string log_suffix;  // empty: none
  bool operator==(const Access&) const = default;
};

}  // namespace srt::platform::darwin
