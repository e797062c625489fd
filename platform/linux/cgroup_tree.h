// A cgroup directory with all below it: who is in, signals to all, removal.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

using Deadline = std::chrono::steady_clock::time_point;

// The directory and its sub-cgroups, parents first; empty when it is gone.
std::vector<std::string> cgroup_tree(const std::string& directory);
// In the caller's pid namespace; processes outside it are left out.
std::vector<pid_t> cgroup_tree_processes(const std::string& directory);

// A process of a cgroup that cannot be mistaken for a later one of the same number.
struct CgroupMember {
  pid_t pid = 0;
  UniqueFd pidfd;
};
// At most `most` of those that are not in `except`, so that descriptors last.
std::vector<CgroupMember> cgroup_members(const std::vector<std::string>& directories, size_t most,
                                         const std::set<pid_t>& except);

// True: all have ended. False: some still live at the deadline.
bool wait_gone(const std::vector<CgroupMember>& members, Deadline deadline);

// rmdir, deepest first, waiting for processes that are ending.
Result<void> remove_tree(const std::string& directory, Deadline deadline);

}  // namespace srt::platform
