// What only host root can do for the container's mounts: clone trees behind folders that the container's
// root cannot pass (detached mounts; srt-init attaches them), and make the user namespaces of idmapped
// ones.
#pragma once

#include <vector>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/linux/content.h"

namespace srt::platform {

struct EarlyTrees {
  UniqueFd rootfs;
  std::vector<UniqueFd> mounts;  // one per init.mounts; empty ones are srt-init's
  std::vector<UniqueFd> idmaps;  // likewise: user namespaces
};

// Makes them and writes their numbers into `init`. Single-threaded, before the fork.
Result<EarlyTrees> make_early_trees(const Plan::Content& plan, init::InitPlan<wire::Owned>& init);

}  // namespace srt::platform
