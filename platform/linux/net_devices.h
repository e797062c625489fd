// Network devices of the host that a container gets for itself.
// Source: config-linux.md "Network Devices".
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "oci/error.h"

namespace srt::platform {

// Moves each device (name on the host → name inside) into the network namespace of `pid`, keeps its
// global addresses, and sets it up there. Needs CAP_NET_ADMIN here and there.
Result<void> move_net_devices(const std::map<std::string, std::string>& devices, pid_t pid);

}  // namespace srt::platform
