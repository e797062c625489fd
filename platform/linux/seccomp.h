// linux.seccomp → the BPF program that the kernel is given.
//
//   SRT_ASSIGN(SeccompProgram program, compile_seccomp(*spec.linux_->seccomp));
//
// Compiled here, in the runtime and before any fork; srt-init only loads the bytes. libseccomp
// knows the numbers of the calls; usual profiles are compiled by seccomp_table.h and seccomp_bpf.h,
// the others by libseccomp itself, which takes some forty times as long. No side effect, no
// system call that changes anything; tests run the program in a user-space BPF evaluator
// (tests/platform/linux/bpf_evaluator.h) instead of loading it.
// Source: config-linux.md "Seccomp", seccomp(2).
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::platform {

struct SeccompProgram {
  std::vector<sock_filter> filter;
  uint32_t flags = 0;   // SECCOMP_FILTER_FLAG_… for seccomp(2), NEW_LISTENER included if notify
  bool notify = false;  // a listener must be sent to listener_path
  std::vector<std::string>
      unknown_syscalls;  // names this libseccomp does not know: skipped, as runc does
};

enum class SeccompCompiler { kFastest, kLibseccomp };  // the latter for comparison, in tests

// Errors name the JSON pointer under /linux/seccomp. `machine`: as the same profile would be compiled on a
// machine of another architecture.
Result<SeccompProgram> compile_seccomp(const oci::Seccomp& seccomp,
                                       SeccompCompiler compiler = SeccompCompiler::kFastest,
                                       std::optional<oci::SeccompArch> machine = {});

}  // namespace srt::platform
