// The architectures of config-linux.md in libseccomp's terms.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oci/spec.h"

namespace srt::platform {

struct ArchName {
  oci::SeccompArch arch;
  std::string name;  // "SCMP_ARCH_X86_64"
  uint32_t token;    // SCMP_ARCH_…; 0: unknown to the libseccomp built in
};
// In the specification's order.
const std::vector<ArchName>& arch_names();
const ArchName& arch_name(oci::SeccompArch arch);

// The tokens that a filter for `seccomp` covers on a machine whose own is `native`: that one first, then
// those listed.
std::vector<uint32_t> filter_archs(const oci::Seccomp& seccomp, uint32_t native);

// The number of a system call: libseccomp's, else, of calls that are newer than the libseccomp built in, the
// one that all architectures share. __NR_SCMP_ERROR: known to neither.
int syscall_number(uint32_t token, const std::string& name);

// What seccomp_data.arch holds for a token: x32 shares x86_64's.
uint32_t audit_arch(uint32_t token);

}  // namespace srt::platform
