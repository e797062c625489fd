#include "platform/linux/seccomp_arch.h"

#include <seccomp.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace srt::platform {

const std::vector<ArchName>& arch_names() {
  using A = oci::SeccompArch;
  static const std::vector<ArchName> names = {
      {A::kX86, "SCMP_ARCH_X86", SCMP_ARCH_X86},
      {A::kX86_64, "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
      {A::kX32, "SCMP_ARCH_X32", SCMP_ARCH_X32},
      {A::kArm, "SCMP_ARCH_ARM", SCMP_ARCH_ARM},
      {A::kAarch64, "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
#ifdef SCMP_ARCH_LOONGARCH64  // libseccomp 2.6
      {A::kLoongarch64, "SCMP_ARCH_LOONGARCH64", SCMP_ARCH_LOONGARCH64},
#else
      {A::kLoongarch64, "SCMP_ARCH_LOONGARCH64", 0},
#endif
#ifdef SCMP_ARCH_M68K  // libseccomp 2.6
      {A::kM68k, "SCMP_ARCH_M68K", SCMP_ARCH_M68K},
#else
      {A::kM68k, "SCMP_ARCH_M68K", 0},
#endif
      {A::kMips, "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
      {A::kMips64, "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
      {A::kMips64n32, "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
      {A::kMipsel, "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
      {A::kMipsel64, "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
      {A::kMipsel64n32, "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
      {A::kPpc, "SCMP_ARCH_PPC", SCMP_ARCH_PPC},
      {A::kPpc64, "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
      {A::kPpc64le, "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
      {A::kS390, "SCMP_ARCH_S390", SCMP_ARCH_S390},
      {A::kS390x, "SCMP_ARCH_S390X", SCMP_ARCH_S390X},
      {A::kParisc, "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
      {A::kParisc64, "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
      {A::kRiscv64, "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
#ifdef SCMP_ARCH_SHEB  // libseccomp 2.6
      {A::kSheb, "SCMP_ARCH_SHEB", SCMP_ARCH_SHEB},
      {A::kSh, "SCMP_ARCH_SH", SCMP_ARCH_SH},
#else
      {A::kSheb, "SCMP_ARCH_SHEB", 0},
      {A::kSh, "SCMP_ARCH_SH", 0},
#endif
  };
  return names;
}

const ArchName& arch_name(oci::SeccompArch arch) {
  return *std::find_if(arch_names().begin(), arch_names().end(),
                       [&](const ArchName& entry) { return entry.arch == arch; });
}

std::vector<uint32_t> filter_archs(const oci::Seccomp& seccomp, uint32_t native) {
  std::vector<uint32_t> tokens = {native};
  for (oci::SeccompArch arch : oci::items(seccomp.architectures)) {
    const uint32_t token = arch_name(arch).token;
    if (token != 0 && std::find(tokens.begin(), tokens.end(), token) == tokens.end()) {
      tokens.push_back(token);
    }
  }
  return tokens;
}

int syscall_number(uint32_t token, const std::string& name) {
  const int number = seccomp_syscall_resolve_name_arch(token, name.c_str());
  if (number != __NR_SCMP_ERROR) return number;
  // Since 424 a call has the same number everywhere but on those that begin at 4000 or so, and alpha.
  struct Newer {
    std::string_view name;
    int number;
  };
  constexpr Newer kNewer[] = {
      {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
      {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
      {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
      {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
      {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
      {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
      {"file_setattr", 469},
  };
  switch (token) {
    case SCMP_ARCH_X86_64:
    case SCMP_ARCH_X86:
    case SCMP_ARCH_ARM:
    case SCMP_ARCH_AARCH64:
    case SCMP_ARCH_PPC64LE:
    case SCMP_ARCH_S390X:
    case SCMP_ARCH_RISCV64: break;
    default: return number;
  }
  const auto* found = std::find_if(std::begin(kNewer), std::end(kNewer),
                                   [&](const Newer& newer) { return newer.name == name; });
  return found == std::end(kNewer) ? number : found->number;
}

uint32_t audit_arch(uint32_t token) {
  return token == SCMP_ARCH_X32 ? uint32_t{SCMP_ARCH_X86_64} : token;
}

}  // namespace srt::platform
