#include "oci/names.h"

#include <set>

#include <catch2/catch.hpp>

#include "oci/state.h"

namespace srt::oci {

enum class Three { kA, kB, kC };
enum class Two { kA, kB };
enum class One { kA };
template <>
inline constexpr NameTable<2> kNames<Three> = {"a", "b"};
template <>
inline constexpr NameTable<2> kNames<Two> = {"a", "b"};
template <>
inline constexpr NameTable<2> kNames<One> = {"a", "b"};
static_assert(!names_every_value<Three>(), "a value without a name is noticed");
static_assert(names_every_value<Two>());
static_assert(!names_every_value<One>(), "a name without a value is noticed");

namespace {

template <class E>
void check_names() {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < kNames<E>.size(); ++i) {
    const std::string_view text = name(static_cast<E>(i));
    INFO(text);
    CHECK_FALSE(text.empty());
    CHECK(seen.insert(text).second);
    CHECK(from_name<E>(text) == static_cast<E>(i));
  }
  CHECK_FALSE(from_name<E>("nonsense"));
  CHECK_FALSE(from_name<E>(""));
}

TEST_CASE("every value has a name of its own and is found by it") {
  check_names<IoPriorityClass>();
  check_names<SchedulerPolicy>();
  check_names<SchedulerFlag>();
  check_names<NamespaceType>();
  check_names<DeviceType>();
  check_names<Propagation>();
  check_names<SeccompAction>();
  check_names<SeccompFlag>();
  check_names<SeccompOperator>();
  check_names<SeccompArch>();
  check_names<MemoryPolicyMode>();
  check_names<MemoryPolicyFlag>();
  check_names<PersonalityDomain>();
  check_names<Status>();
}

TEST_CASE("tables stand in the order of their enumeration") {
  CHECK(name(IoPriorityClass::kIdle) == "IOPRIO_CLASS_IDLE");
  CHECK(name(SchedulerPolicy::kDeadline) == "SCHED_DEADLINE");
  CHECK(name(SchedulerFlag::kUtilClampMax) == "SCHED_FLAG_UTIL_CLAMP_MAX");
  CHECK(name(SchedulerFlag::kKeepPolicy) == "SCHED_FLAG_KEEP_POLICY");
  CHECK(name(NamespaceType::kUser) == "user");
  CHECK(name(NamespaceType::kTime) == "time");
  CHECK(name(DeviceType::kFifo) == "p");
  CHECK(name(Propagation::kRslave) == "rslave");
  CHECK(name(Propagation::kRunbindable) == "runbindable");
  CHECK(name(SeccompAction::kErrno) == "SCMP_ACT_ERRNO");
  CHECK(name(SeccompAction::kNotify) == "SCMP_ACT_NOTIFY");
  CHECK(name(SeccompFlag::kWaitKillableRecv) == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  CHECK(name(SeccompOperator::kMaskedEq) == "SCMP_CMP_MASKED_EQ");
  CHECK(name(SeccompOperator::kGe) == "SCMP_CMP_GE");
  CHECK(name(SeccompArch::kMipsel64n32) == "SCMP_ARCH_MIPSEL64N32");
  CHECK(name(SeccompArch::kRiscv64) == "SCMP_ARCH_RISCV64");
  CHECK(name(SeccompArch::kSh) == "SCMP_ARCH_SH");
  CHECK(name(MemoryPolicyMode::kPreferredMany) == "MPOL_PREFERRED_MANY");
  CHECK(name(MemoryPolicyFlag::kStaticNodes) == "MPOL_F_STATIC_NODES");
  CHECK(name(PersonalityDomain::kLinux32) == "LINUX32");
  CHECK(name(Status::kStopped) == "stopped");
}

}  // namespace
}  // namespace srt::oci
