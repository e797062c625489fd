// Which namespaces there are, and who makes a new one.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/fd.h"
#include "platform/linux/init/sys.h"

namespace srt::platform {

struct NamespaceKind {
  oci::NamespaceType type;
  const char* proc_name;  // /proc/PID/ns/<proc_name>
  uint64_t clone_flag;
  std::string_view bwrap_flag;  // empty: bwrap has none that fits, the stage or srt-init makes it
};

// In the order in which they are joined: the user namespace decides what may be joined after it.
// The mount namespace has no bwrap flag because bwrap always makes one; pid is made by clone3, so
// that the first process does not descend from bwrap.
inline constexpr std::array kNamespaces = {
    NamespaceKind{oci::NamespaceType::kUser, "user", CLONE_NEWUSER, ""},
    NamespaceKind{oci::NamespaceType::kNetwork, "net", CLONE_NEWNET, "--unshare-net"},
    NamespaceKind{oci::NamespaceType::kIpc, "ipc", CLONE_NEWIPC, "--unshare-ipc"},
    NamespaceKind{oci::NamespaceType::kUts, "uts", CLONE_NEWUTS, "--unshare-uts"},
    NamespaceKind{oci::NamespaceType::kMount, "mnt", CLONE_NEWNS, ""},
    NamespaceKind{oci::NamespaceType::kCgroup, "cgroup", CLONE_NEWCGROUP, ""},
    NamespaceKind{oci::NamespaceType::kTime, "time", CLONE_NEWTIME, ""},
    NamespaceKind{oci::NamespaceType::kPid, "pid", CLONE_NEWPID, ""},
};

// Those of the process's namespaces that are not ours, as clone flags: the kernel refuses to enter the own user
// namespace once more, and others may not be ours to enter.
Result<uint64_t> foreign_namespaces(pid_t pid);

constexpr const NamespaceKind& kind_of(oci::NamespaceType type) {
  for (const NamespaceKind& kind : kNamespaces) {
    if (kind.type == type) return kind;
  }
  return kNamespaces[0];  // not reached: every type is in the table
}

// The file of one, to be joined: whatever else a bundle names neither blocks (a FIFO) nor is opened for good (a
// device). `object` is what the error is about.
Result<UniqueFd> open_namespace(const char* object, const std::string& path);

}  // namespace srt::platform
