// Trees that only host root may clone: sources behind folders that the container's root cannot pass,
// and idmapped ones. Detached mounts; srt-init attaches them.
#pragma once

#include <vector>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/linux/content.h"

namespace srt::platform {

struct EarlyTrees {
  UniqueFd rootfs;
  std::vector<UniqueFd> mounts;  // one per init.mounts; empty ones are srt-init's
};

// Clones them and writes their numbers into `init`. Single-threaded, before the fork.
Result<EarlyTrees> clone_early_trees(const Plan::Content& plan, init::InitPlan<init::Owned>& init);

}  // namespace srt::platform
