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

void keep_core_limit(std::vector<oci::SeccompSyscall>& rules) {
  constexpr uint64_t kInt = 0xffffffff;  // what the kernel looks at
  oci::SeccompSyscall set;
  set.names = {"setrlimit"};
  set.action = oci::SeccompAction::kErrno;
  set.errno_ret = 0;
  set.args = {oci::SeccompArg{0, kInt, RLIMIT_CORE, oci::SeccompOperator::kMaskedEq}};
  oci::SeccompSyscall get_and_set = set;
  get_and_set.names = {"prlimit64"};
  get_and_set.args = {oci::SeccompArg{1, kInt, RLIMIT_CORE, oci::SeccompOperator::kMaskedEq},
                      oci::SeccompArg{2, 0, 0, oci::SeccompOperator::kNe}};
  rules.insert(rules.end(), {set, get_and_set});
}

}  // namespace srt::runtime
