// All that a Seatbelt profile is made of: what the bundle and the policy let a program do on this host.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
  // Where the program starts: it and the folders above can be looked up, whatever the rules say.
  std::string cwd;  // absolute, resolved; empty: none
  // Of this run: absolute, resolved, exists, 0700. Read and written whatever the rules say.
  std::string private_folder;  // empty: none
  // The runtime's own: its state, its sockets that take orders from whoever has the caller's uid. Absolute,
  // resolved; not read, not written, not connected to, whatever the rules say.
  std::vector<std::string> own_folders;
  // Ends the lines of this run's violations in the system's log: letters, digits and "_" only.
  std::string log_suffix;  // empty: none
  bool operator==(const Access&) const = default;
};

}  // namespace srt::platform::darwin
