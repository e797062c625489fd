#include "platform/linux/user_namespace.h"

#include <unistd.h>

#include <cstdio>

#include "platform/fd.h"
#include "platform/platform.h"

namespace srt::platform {

bool in_initial_user_namespace() {
  static const bool initial = [] {
    auto map = read_file("/proc/self/uid_map");
    if (!map) return false;  // no procfs: claim the lesser
    unsigned inside = 1, outside = 1, count = 0;
    return std::sscanf(map->c_str(), "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
           outside == 0 && count == 4294967295u;
  }();
  return initial;
}

bool is_host_root() { return geteuid() == 0 && in_initial_user_namespace(); }

}  // namespace srt::platform
