// The container's mounts, in two rounds: each is made while the host's paths are there, and attached
// once they are gone, to a descriptor that was resolved in the rootfs. Both go by the list's order: a
// mount's place in /proc/PID/mountinfo is decided by when it was made (since Linux 6.8) or attached.
#pragma once

#include <string_view>

#include "platform/linux/init/plan.h"

namespace srt::init {

using Plan = InitPlan<Viewed>;

// Mounts that belong to no mount namespace until they are attached.
struct Trees {
  int rootfs = -1;
  int null = -1;           // the host's /dev/null, for masks
  int unreadable = -1;     // and again, for what filesystem rules hide
  int* mounts = nullptr;   // one per plan.mounts; -1: nothing to make, or only when it is attached
  int* modes = nullptr;    // of a tmpfs, as the rootfs had it; -1: none
  size_t made = 0;         // how many of them were looked at
  int* devices = nullptr;  // one per plan.devices, -1 where the node is made
};
Trees clone_trees(const Plan& plan);

// kIndependent stops before the first mount that shows a namespace of the container: all up to it can be
// made while bwrap is still at work.
enum class MountsToMake { kIndependent, kAll };
void make_mounts(const Plan& plan, Trees& trees, MountsToMake which);

// Attaches the rootfs in the holder's tree; the result is its descriptor, the root of all lookups.
int attach_rootfs(const Plan& plan, const Trees& trees);

void mount_all(const Plan& plan, const Trees& trees, int root);
// "ro" tmpfs stay writable until every mount point, device and link in them exists.
void seal_late_readonly(const Plan& plan, int root);

// Whether what bwrap bound is what was meant: it knows paths only.
void check_pinned(const Plan& plan, int root);
void seal_root(const Plan& plan, int root);

}  // namespace srt::init
