// A container's control groups: where they are, what is written into them, who is inside.
//
// Three layouts of hosts: v1 (a hierarchy per controller), v2 (one), hybrid (v1 controllers plus a
// v2 hierarchy without controllers). plan_cgroup() looks, and decides without writing anything; the
// other functions carry it out.
//
// An ordinary user without a delegated cgroup goes on without one, unless a limit is asked for:
// a limit that cannot be set is an error, never silence.
// Source: config-linux.md "Control groups", cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/fd.h"
#include "platform/linux/scope_plan.h"

namespace srt::platform {

enum class CgroupLayout { kNone, kV1, kHybrid, kV2 };

struct CgroupHierarchy {
  std::string controllers;  // as in /proc/self/cgroup: "cpu,cpuacct", "name=systemd", "" for v2
  std::string mount_point;  // "/sys/fs/cgroup/memory"
  std::string own;          // the caller's cgroup below mount_point: "/user.slice", "/" for itself
};
struct CgroupHost {
  CgroupLayout layout = CgroupLayout::kNone;
  std::vector<CgroupHierarchy> hierarchies;
  std::vector<std::string> controllers;  // all that can be used, v2's from cgroup.controllers
};
// From /proc/self/mountinfo and /proc/self/cgroup.
Result<CgroupHost> read_cgroup_host();

// For which version limits are written. A hybrid host has its controllers in v1; of those that v1 does
// not mount, and v2 thus may have, hugetlb is used there.
struct CgroupVersions {
  bool v2 = false;
  bool hugetlb_v2 = v2;
};
CgroupVersions cgroup_versions(const CgroupHost& host);
// Of `directories` (controllers → directory), the one where limits of `controller` go; "": none.
std::string cgroup_directory(const std::map<std::string, std::string>& directories,
                             const std::string& controller, CgroupVersions versions);

struct CgroupWrite {
  std::string file;  // absolute
  std::string value;
  std::string pointer;    // JSON pointer of the property that asks for it, for errors
  bool optional = false;  // changes nothing where the kernel has no such file or does not permit it
  std::string else_file{}, else_value{};  // instead, where the kernel has no such file
  bool operator==(const CgroupWrite&) const = default;
};
struct CgroupPlan {
  CgroupLayout layout = CgroupLayout::kNone;
  std::map<std::string, std::string> directories;  // controllers → absolute directory; empty: none
  std::vector<CgroupWrite> writes;                 // in order, before a process is in
  std::vector<uint64_t> device_program;            // v2: eBPF instructions (struct bpf_insn as u64)
  std::vector<std::string> notes;                  // "no writable cgroup: going on without"
  std::optional<ScopePlan> scope;                  // systemd makes it; or else we do
  bool operator==(const CgroupPlan&) const = default;
};
// `cgroups_path` as in linux.cgroupsPath: absolute is below the root of each hierarchy, relative
// (and the id, where it is empty) below the caller's own cgroup, on v2 beside it, because a cgroup
// with processes cannot have controllers for its children. `..` never leaves the hierarchy. The
// device rules that every container needs are added behind those of the bundle, and apply alone
// where it has none, as runc does: see device_filter.h. `is_host_root`: without it a cgroup that
// cannot be made is a note, not an error, unless a limit was asked for (device rules excepted:
// without CAP_MKNOD in the initial user namespace no device can be made that they would have to
// keep away). With `scope`, cgroup v2 and that place in it, which systemd makes and lets us into.
Result<CgroupPlan> plan_cgroup(const CgroupHost& host, const std::string& id,
                               const std::string& cgroups_path, const oci::Resources* resources,
                               bool is_host_root, std::optional<ScopePlan> scope = {});

// Leaves out the hierarchies in which nothing is limited and by which nobody is found.
void leave_out_unused(CgroupPlan& plan);

// In order, up to the first that fails.
Result<void> do_writes(const std::vector<CgroupWrite>& writes);
// Makes the directories, unless systemd has, and does the writes; on failure removes what it made.
Result<void> make_cgroup(const CgroupPlan& plan);
Result<void> join_cgroup(const std::map<std::string, std::string>& directories, pid_t pid);

// The quick way in, for a process about to be made. Moving another process (join_cgroup) makes the
// kernel wait for an RCU grace period, 5 to 15 ms where a container starts in as many; a thread
// that moves itself, and a process born inside, do not.
//
//   SRT_ASSIGN(CgroupEntry entry, open_cgroup(plan.directories));
//   bool in_v2;
//   pid_t pid = clone_into_cgroup(entry, CLONE_PARENT, 0, in_v2);
//   if (pid == 0 && enter_cgroup(entry) != 0) …        // v1: the child, while it has one thread
//   if (!in_v2) …join_cgroup({{"", directory}}, pid)…    // the caller's rights were not enough
//
// Neither allocates. For v1 the kernel checks the rights of whoever opened the files, so that the
// child may be in any user namespace by then; for v2 those of the caller of clone3.
struct CgroupEntry {
  UniqueFd v2;                  // the directory; none: there is no v2 hierarchy
  std::vector<UniqueFd> tasks;  // v1, one for each hierarchy
};
Result<CgroupEntry> open_cgroup(const std::map<std::string, std::string>& directories);
// clone3 with these flags; -1 and errno as from there.
pid_t clone_into_cgroup(const CgroupEntry& entry, uint64_t flags, uint64_t exit_signal,
                        bool& in_v2);
// errno, or 0.
int enter_cgroup(const CgroupEntry& entry);

// The functions below take Handle::cgroups and do not fail on directories that are gone.
Result<std::vector<pid_t>> cgroup_processes(const std::map<std::string, std::string>& directories);
bool cgroup_frozen(const std::map<std::string, std::string>& directories);
// Waits, bounded, until all are stopped; they stay so until thawed.
Result<void> freeze_cgroup(const std::map<std::string, std::string>& directories, bool frozen);
// Freeze, signal all, thaw; SIGKILL is repeated until nobody is left (cgroup.kill where there is
// one). Sub-cgroups included.
Result<void> signal_cgroup(const std::map<std::string, std::string>& directories, int signal);
Result<void> remove_cgroup(const std::map<std::string, std::string>& directories);
// Whether somebody is in them, or below, who does not end by himself within half a second.
bool somebody_stays(const std::map<std::string, std::string>& directories);
// Removes them where nobody stays.
void leave_cgroup(const std::map<std::string, std::string>& directories);

}  // namespace srt::platform
