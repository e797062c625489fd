#include "runtime/core_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace srt::runtime {

void forbid_core_files(oci::Process& process) {
  constexpr const char* kType = "RLIMIT_CORE";
  // Zero would not keep it from a program that takes core files in (core_pattern with a pipe), which runs
  // outside, as root.
  constexpr rlim_t kAlmostNone = 1;
  rlimit now{};
  (void)getrlimit(RLIMIT_CORE, &now);
  const rlim_t most = std::min(now.rlim_max, kAlmostNone);
  if (!process.rlimits) process.rlimits.emplace();
  std::erase_if(*process.rlimits, [&](const oci::Rlimit& limit) { return limit.type == kType; });
  process.rlimits->push_back({kType, most, most});
}

}  // namespace srt::runtime
