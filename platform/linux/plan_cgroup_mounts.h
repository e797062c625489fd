// A "cgroup" mount of config.json: one entry there, several mounts on a v1 or hybrid host.
#pragma once

#include "platform/linux/draft.h"
#include "platform/linux/mount_options.h"

namespace srt::platform {

// Appends what `mount` stands for on this host to the plan. With a cgroup namespace the hierarchies
// are mounted afresh and show the container's cgroup as their root; without one the container's own
// directories are bound, as runc does.
Result<void> plan_cgroup_mounts(Draft& draft, const MountOptions& options,
                                const init::Mount<wire::Owned>& mount);

}  // namespace srt::platform
