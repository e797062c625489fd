#include "platform/linux/process_info.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cstdio>
#include <cstdlib>

#include "platform/fd.h"

namespace srt::platform {

Result<ProcessInfo> process_info(pid_t pid) {
  std::string path = "/proc/" + std::to_string(pid) + "/stat";
  SRT_ASSIGN(std::string stat, read_file(path));
  // The name in brackets may hold anything, brackets too: fields start behind the last one.
  size_t end = stat.rfind(')');
  if (end == std::string::npos || end + 2 >= stat.size()) return fail(path, "has an unknown form");
  ProcessInfo info;
  info.state = stat[end + 2];
  size_t at = end + 2;
  constexpr int kFlags = 9, kStartTime = 22;  // numbers as in proc(5); `at` is field 3
  constexpr unsigned long kExiting = 0x4;     // PF_EXITING
  for (int field = 3; field < kStartTime; ++field) {
    if (field == kFlags) info.exiting = (strtoul(stat.c_str() + at, nullptr, 10) & kExiting) != 0;
    at = stat.find(' ', at);
    if (at == std::string::npos) return fail(path, "has an unknown form");
    ++at;
  }
  info.start_time = strtoull(stat.c_str() + at, nullptr, 10);
  return info;
}

uint64_t mount_namespace_id(pid_t pid) {
  UniqueFd fd(open(("/proc/" + std::to_string(pid) + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  constexpr unsigned long kGetId = _IOR(0xb7, 0x5, uint64_t);  // NS_GET_MNTNS_ID
  uint64_t id = 0;
  return fd && ioctl(fd.get(), kGetId, &id) == 0 ? id : 0;
}

Result<uint64_t> start_time(pid_t pid) {
  SRT_ASSIGN(ProcessInfo info, process_info(pid));
  return info.start_time;
}

}  // namespace srt::platform
