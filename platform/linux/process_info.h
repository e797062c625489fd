// What procfs says of a process. Source: proc(5).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "oci/error.h"

namespace srt::platform {

struct ProcessInfo {
  char state = 0;           // 'R', 'S', 'Z', …
  bool exiting = false;     // it has ended, though its pid namespace may still wait to be reaped
  uint64_t start_time = 0;  // clock ticks since boot
};
Result<ProcessInfo> process_info(pid_t pid);
Result<uint64_t> start_time(pid_t pid);

// The kernel's number of its mount namespace, which is never used again (NS_GET_MNTNS_ID, Linux 6.12);
// 0 where it has none. An inode number would not do: the next namespace may get the same.
uint64_t mount_namespace_id(pid_t pid);

}  // namespace srt::platform
