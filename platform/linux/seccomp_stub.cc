#include "platform/linux/seccomp_stub.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "platform/linux/seccomp_arch.h"

namespace srt::platform {
namespace {

constexpr uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT

constexpr sock_filter load(size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}
constexpr sock_filter jump(uint16_t test, uint32_t value, uint8_t if_true, uint8_t if_false) {
  return BPF_JUMP(static_cast<uint16_t>(BPF_JMP | test | BPF_K), value, if_true, if_false);
}

// The code for one value of seccomp_data.arch; the accumulator holds it. Falls out at its end with
// the architecture still loaded when it is another one; the last jump leaves the stub.
std::vector<sock_filter> section(uint32_t arch, uint32_t last, uint32_t last_x32, uint32_t action) {
  std::vector<sock_filter> code = {load(offsetof(seccomp_data, nr))};
  if (arch == SCMP_ARCH_S390X || arch == SCMP_ARCH_S390) {
    // setup(2) is number 0 and also what the kernel leaves there for large numbers it does not
    // know.
    code.push_back(jump(BPF_JEQ, 0, 1, 0));
  }
  if (arch == SCMP_ARCH_X86_64) {
    // Without x32 in the profile its calls are for the profile's bad-architecture answer.
    code.push_back(jump(BPF_JSET, kX32Bit, last_x32 ? 1 : 2, 0));
    if (last_x32) {
      code.push_back(jump(BPF_JGT, last, 1, 2));
      code.push_back(jump(BPF_JGT, last_x32, 0, 1));
    } else {
      code.push_back(jump(BPF_JGT, last, 0, 1));
    }
  } else {
    code.push_back(jump(BPF_JGT, last, 0, 1));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, action));
  code.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));  // patched: to the profile
  code.insert(code.begin(), jump(BPF_JEQ, arch, 0, static_cast<uint8_t>(code.size())));
  return code;
}

}  // namespace

std::vector<sock_filter> newer_calls_stub(const SeccompProfile& profile) {
  if (!profile.newer) return {};
  std::map<uint32_t, std::pair<uint32_t, uint32_t>> last;  // audit arch → native, x32
  for (uint32_t token : profile.archs) {
    uint32_t number = highest_number(profile, token);
    if (number == 0) continue;
    auto& entry = last[audit_arch(token)];
    (token == SCMP_ARCH_X32 ? entry.second : entry.first) = number;
  }

  std::vector<sock_filter> stub = {load(offsetof(seccomp_data, arch))};
  for (const auto& [arch, numbers] : last) {
    const auto code = section(arch, numbers.first, numbers.second, *profile.newer);
    stub.insert(stub.end(), code.begin(), code.end());
  }
  for (size_t i = 0; i < stub.size(); ++i) {
    if (stub[i].code == (BPF_JMP | BPF_JA)) stub[i].k = static_cast<uint32_t>(stub.size() - i - 1);
  }
  return stub;
}

}  // namespace srt::platform
