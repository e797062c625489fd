#include "platform/host_mounts.h"

#include "platform/fd.h"

namespace srt::platform {

std::vector<HostMount> host_mounts() {
  const Result<std::string> text = read_file("/proc/self/mountinfo");
  return text ? parse_mountinfo(*text) : std::vector<HostMount>();
}

}  // namespace srt::platform
