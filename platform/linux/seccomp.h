// linux.seccomp → the BPF program that the kernel is given.
//
//   SRT_ASSIGN(SeccompProgram program, compile_seccomp(*spec.linux_->seccomp));
//
// libseccomp compiles it here, in the runtime and before any fork; srt-init only loads the bytes.
// No side effect, no system call that changes anything; tests run the program in a user-space BPF
// evaluator (tests/platform/linux/bpf_evaluator.h) instead of loading it.
// Source: config-linux.md "Seccomp", seccomp(2).
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::platform {

struct SeccompProgram {
  std::vector<sock_filter> filter;
  uint32_t flags = 0;     // SECCOMP_FILTER_FLAG_… for seccomp(2), NEW_LISTENER included if notify
  bool notify = false;    // a listener must be sent to listener_path
  std::vector<std::string> unknown_syscalls;  // names this libseccomp does not know: skipped, as runc does
};

// Errors name the JSON pointer under /linux/seccomp.
Result<SeccompProgram> compile_seccomp(const oci::Seccomp& seccomp);

}  // namespace srt::platform
