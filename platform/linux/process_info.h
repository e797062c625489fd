// What procfs says of a process. Source: proc(5).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "oci/error.h"

namespace srt::platform {

struct ProcessInfo {
  char state = 0;           // 'R', 'S', 'Z', …
  uint64_t start_time = 0;  // clock ticks since boot
};
Result<ProcessInfo> process_info(pid_t pid);
Result<uint64_t> start_time(pid_t pid);

}  // namespace srt::platform
