// The container's mounts: trees of the host are cloned before the join, because their paths are gone
// after it; everything is attached after the join, to descriptors that were resolved in the rootfs.
#pragma once

#include <string_view>

#include "platform/linux/init/plan.h"

namespace srt::init {

using Plan = InitPlan<Viewed>;

// Clones of the host's trees, detached: they belong to no mount namespace until they are attached.
struct Trees {
  int rootfs = -1;
  int null = -1;           // the host's /dev/null, for masks
  int unreadable = -1;     // and again, for what filesystem rules hide
  int* mounts = nullptr;   // one per plan.mounts, -1 where it is no bind
  int* devices = nullptr;  // one per plan.devices, -1 where the node is made
};
Trees clone_trees(const Plan& plan);

// Attaches the rootfs in the holder's tree; the result is its descriptor, the root of all lookups.
int attach_rootfs(const Plan& plan, const Trees& trees);

void mount_all(const Plan& plan, const Trees& trees, int root);
// "ro" tmpfs stay writable until every mount point, device and link in them exists.
void seal_late_readonly(const Plan& plan, int root);

// Whether what bwrap bound is what was meant: it knows paths only.
void check_pinned(const Plan& plan, int root);
void mask_paths(const Plan& plan, const Trees& trees, int root);
void protect_readonly_paths(const Plan& plan, int root);
void seal_root(const Plan& plan, int root);

}  // namespace srt::init
