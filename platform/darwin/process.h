// What the kernel says of processes: libproc(3) and sysctl(3), in place of a procfs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform::darwin {

struct ProcessInfo {
  pid_t pid = 0, parent = 0;
  uint64_t start = 0;  // microseconds since the epoch: tells a reused pid
  bool zombie = false;
};
Result<ProcessInfo> process_info(pid_t pid);
std::vector<pid_t> all_processes();

// Whether `entry`, "NAME=value", stands in the environment that a process was started with. Of processes of
// other users only root is told.
bool started_with(pid_t pid, const std::string& entry);

// A kqueue that can be read once the process has ended. Error code ESRCH: it has.
Result<UniqueFd> watch_process(pid_t pid);

}  // namespace srt::platform::darwin
