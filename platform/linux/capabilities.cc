#include "platform/linux/capabilities.h"

#include <sys/prctl.h>

namespace srt::platform {

uint64_t own_bounding_set() {
  uint64_t set = 0;
  for (int number = 0; number < 64; ++number) {
    int has = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
    if (has < 0) break;  // past the last one of this kernel
    if (has == 1) set |= uint64_t{1} << number;
  }
  return set;
}

}  // namespace srt::platform
