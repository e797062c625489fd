// The names of every enumeration of the specification, in the order of oci/spec.h: one table each,
// used for reading, for printing and for error messages.
//
//   name(NamespaceType::kPid) == "pid"
//   from_name<NamespaceType>("pid") == NamespaceType::kPid
//
// A value that is added to an enumeration without a name here does not compile.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

#include "oci/spec.h"

namespace srt::oci {

template <size_t N>
using NameTable = std::array<std::string_view, N>;

template <class E>
inline constexpr NameTable<0> kNames{};

template <>
inline constexpr NameTable<3> kNames<IoPriorityClass> = {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE",
                                                         "IOPRIO_CLASS_IDLE"};
template <>
inline constexpr NameTable<7> kNames<SchedulerPolicy> = {
    "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR",      "SCHED_BATCH",
    "SCHED_ISO",   "SCHED_IDLE", "SCHED_DEADLINE"};
template <>
inline constexpr NameTable<7> kNames<SchedulerFlag> = {
    "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM",     "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",   "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX"};
template <>
inline constexpr NameTable<8> kNames<NamespaceType> = {"pid", "network", "mount",  "ipc",
                                                       "uts", "user",    "cgroup", "time"};
// "u" (an unbuffered character device) is a second spelling of "c": Device::unbuffered.
template <>
inline constexpr NameTable<3> kNames<DeviceType> = {"c", "b", "p"};
template <>
inline constexpr NameTable<8> kNames<Propagation> = {
    "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"};
template <>
inline constexpr NameTable<9> kNames<SeccompAction> = {
    "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",  "SCMP_ACT_ERRNO",        "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",          "SCMP_ACT_NOTIFY"};
template <>
inline constexpr NameTable<4> kNames<SeccompFlag> = {
    "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
template <>
inline constexpr NameTable<7> kNames<SeccompOperator> = {
    "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
    "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
template <>
inline constexpr NameTable<23> kNames<SeccompArch> = {
    "SCMP_ARCH_X86",         "SCMP_ARCH_X86_64",      "SCMP_ARCH_X32",    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",     "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",   "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",   "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",         "SCMP_ARCH_PPC64",  "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",       "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",     "SCMP_ARCH_SHEB",        "SCMP_ARCH_SH"};
template <>
inline constexpr NameTable<7> kNames<MemoryPolicyMode> = {
    "MPOL_DEFAULT",   "MPOL_BIND",           "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL"};
template <>
inline constexpr NameTable<3> kNames<MemoryPolicyFlag> = {
    "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"};
template <>
inline constexpr NameTable<2> kNames<PersonalityDomain> = {"LINUX", "LINUX32"};

// What getrlimit(2) knows: the specification wants an error for anything else.
inline constexpr NameTable<16> kRlimitNames = {
    "RLIMIT_AS",     "RLIMIT_CORE",   "RLIMIT_CPU",        "RLIMIT_DATA",
    "RLIMIT_FSIZE",  "RLIMIT_LOCKS",  "RLIMIT_MEMLOCK",    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",   "RLIMIT_NOFILE", "RLIMIT_NPROC",      "RLIMIT_RSS",
    "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK"};

// Whether V is a named value of its enumeration. Both compilers print one that is not as a cast:
// "V = (srt::oci::NamespaceType)8".
template <auto V>
constexpr bool is_enumerator() {
  return std::string_view(__PRETTY_FUNCTION__).find("V = (") == std::string_view::npos;
}

template <class E>
constexpr bool names_every_value() {
  constexpr size_t kCount = kNames<E>.size();
  return kCount > 0 && is_enumerator<static_cast<E>(kCount - 1)>() &&
         !is_enumerator<static_cast<E>(kCount)>();
}

template <class E>
requires std::is_enum_v<E>
constexpr std::string_view name(E value) {
  static_assert(names_every_value<E>(), "kNames<E> must name every value of E");
  return kNames<E>[static_cast<size_t>(value)];
}

template <class E>
requires std::is_enum_v<E>
constexpr std::optional<E> from_name(std::string_view text) {
  static_assert(names_every_value<E>(), "kNames<E> must name every value of E");
  for (size_t i = 0; i < kNames<E>.size(); ++i) {
    if (kNames<E>[i] == text) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace srt::oci
