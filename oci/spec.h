// config.json as data: one struct per object of the runtime-spec (1.0 to 1.3), members named as the
// specification names them (snake_case), in its order.
//
// An absent property is an empty optional, an empty array is an engaged one: printing a parsed file
// gives back what was there. items() spares callers the difference where it does not matter:
//
//   for (const Mount& mount : items(spec.mounts)) …
//
// Plain values: copy, compare and move them freely, from any thread. Source:
// https://github.com/opencontainers/runtime-spec/tree/v1.3.0 (config.md, config-linux.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace srt::oci {

template <class T>
using List = std::optional<std::vector<T>>;
using StringMap = std::optional<std::map<std::string, std::string>>;

template <class T>
const std::vector<T>& items(const List<T>& list) {
  static const std::vector<T> none;
  return list ? *list : none;
}
template <class T>
const std::map<std::string, T>& items(const std::optional<std::map<std::string, T>>& map) {
  static const std::map<std::string, T> none;
  return map ? *map : none;
}

// ---- config.md ----

struct Root {
  std::string path;
  std::optional<bool> readonly;
  bool operator==(const Root&) const = default;
};

struct IdMapping {
  uint32_t container_id = 0;
  uint32_t host_id = 0;
  uint32_t size = 0;
  bool operator==(const IdMapping&) const = default;
};

struct Mount {
  std::string destination;
  std::optional<std::string> type;
  std::optional<std::string> source;
  List<std::string> options;
  List<IdMapping> uid_mappings;
  List<IdMapping> gid_mappings;
  bool operator==(const Mount&) const = default;
};

struct Box {  // consoleSize, in character cells
  uint64_t height = 0;
  uint64_t width = 0;
  bool operator==(const Box&) const = default;
};

struct User {
  std::optional<uint32_t> uid;  // absent means 0
  std::optional<uint32_t> gid;
  std::optional<uint32_t> umask;
  List<uint32_t> additional_gids;
  std::optional<std::string> username;  // other platforms; parsed, without effect
  bool operator==(const User&) const = default;
};

struct Capabilities {  // "CAP_…" as written; unknown names are kept
  List<std::string> bounding;
  List<std::string> effective;
  List<std::string> inheritable;
  List<std::string> permitted;
  List<std::string> ambient;
  bool operator==(const Capabilities&) const = default;
};

struct Rlimit {
  std::string type;  // "RLIMIT_NOFILE", …
  uint64_t hard = 0;
  uint64_t soft = 0;
  bool operator==(const Rlimit&) const = default;
};

enum class IoPriorityClass { kRt, kBe, kIdle };
struct IoPriority {
  IoPriorityClass cls = IoPriorityClass::kBe;  // "class"
  std::optional<int32_t> priority;
  bool operator==(const IoPriority&) const = default;
};

enum class SchedulerPolicy { kOther, kFifo, kRr, kBatch, kIso, kIdle, kDeadline };
enum class SchedulerFlag {
  kResetOnFork,
  kReclaim,
  kDlOverrun,
  kKeepPolicy,
  kKeepParams,
  kUtilClampMin,
  kUtilClampMax
};
struct Scheduler {
  SchedulerPolicy policy = SchedulerPolicy::kOther;
  std::optional<int32_t> nice;
  std::optional<int32_t> priority;
  List<SchedulerFlag> flags;
  std::optional<uint64_t> runtime;   // nanoseconds
  std::optional<uint64_t> deadline;  // nanoseconds
  std::optional<uint64_t> period;    // nanoseconds
  bool operator==(const Scheduler&) const = default;
};

struct CpuAffinity {  // lists as in cpuset(7): "0-3,7"
  std::optional<std::string> initial;
  std::optional<std::string> final;
  bool operator==(const CpuAffinity&) const = default;
};

struct Process {
  std::optional<bool> terminal;
  std::optional<Box> console_size;
  std::optional<User> user;
  List<std::string> args;
  std::optional<std::string> command_line;  // other platforms; parsed, without effect
  List<std::string> env;
  std::string cwd;
  std::optional<Capabilities> capabilities;
  List<Rlimit> rlimits;
  std::optional<bool> no_new_privileges;
  std::optional<std::string> apparmor_profile;
  std::optional<int64_t> oom_score_adj;
  std::optional<Scheduler> scheduler;
  std::optional<std::string> selinux_label;
  std::optional<IoPriority> io_priority;
  std::optional<CpuAffinity> exec_cpu_affinity;
  bool operator==(const Process&) const = default;
};

struct Hook {
  std::string path;
  List<std::string> args;
  List<std::string> env;
  std::optional<int64_t> timeout;  // seconds, at least 1
  bool operator==(const Hook&) const = default;
};

struct Hooks {
  List<Hook> prestart;
  List<Hook> create_runtime;
  List<Hook> create_container;
  List<Hook> start_container;
  List<Hook> poststart;
  List<Hook> poststop;
  bool operator==(const Hooks&) const = default;
};

// ---- config-linux.md ----

// In the specification's order.
enum class NamespaceType { kPid, kNetwork, kMount, kIpc, kUts, kUser, kCgroup, kTime };

struct Namespace {
  NamespaceType type = NamespaceType::kPid;
  std::optional<std::string> path;  // absent: a new one
  bool operator==(const Namespace&) const = default;
};

struct TimeOffset {
  std::optional<int64_t> secs;
  std::optional<uint32_t> nanosecs;
  bool operator==(const TimeOffset&) const = default;
};
struct TimeOffsets {
  std::optional<TimeOffset> boottime;
  std::optional<TimeOffset> monotonic;
  bool operator==(const TimeOffsets&) const = default;
};

enum class DeviceType { kChar, kBlock, kFifo };  // "c" and "u", "b", "p"
struct Device {
  DeviceType type = DeviceType::kChar;
  bool unbuffered = false;  // written "u"
  std::string path;
  std::optional<int64_t> major;
  std::optional<int64_t> minor;
  std::optional<uint32_t> file_mode;
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  bool operator==(const Device&) const = default;
};

struct NetDevice {
  std::optional<std::string> name;  // inside; absent: keep
  bool operator==(const NetDevice&) const = default;
};

struct DeviceCgroupRule {
  bool allow = false;
  std::optional<std::string> type;  // "a" (default), "c", "b"
  std::optional<int64_t> major;     // absent or -1: all
  std::optional<int64_t> minor;
  std::optional<std::string> access;  // letters of "rwm"
  bool operator==(const DeviceCgroupRule&) const = default;
};

struct MemoryResources {  // bytes; -1 is "no limit"
  std::optional<int64_t> limit;
  std::optional<int64_t> reservation;
  std::optional<int64_t> swap;  // memory plus swap
  std::optional<int64_t> kernel;
  std::optional<int64_t> kernel_tcp;
  std::optional<uint64_t> swappiness;
  std::optional<bool> disable_oom_killer;
  std::optional<bool> use_hierarchy;
  std::optional<bool> check_before_update;
  bool operator==(const MemoryResources&) const = default;
};

struct CpuResources {
  std::optional<uint64_t> shares;
  std::optional<int64_t> quota;    // microseconds per period; -1 is "no limit"
  std::optional<uint64_t> burst;   // microseconds
  std::optional<uint64_t> period;  // microseconds
  std::optional<int64_t> realtime_runtime;
  std::optional<uint64_t> realtime_period;
  std::optional<std::string> cpus;
  std::optional<std::string> mems;
  std::optional<int64_t> idle;
  bool operator==(const CpuResources&) const = default;
};

struct PidsResources {
  int64_t limit = 0;  // below 0: no limit
  bool operator==(const PidsResources&) const = default;
};

struct WeightDevice {
  int64_t major = 0;
  int64_t minor = 0;
  std::optional<uint16_t> weight;
  std::optional<uint16_t> leaf_weight;
  bool operator==(const WeightDevice&) const = default;
};
struct ThrottleDevice {
  int64_t major = 0;
  int64_t minor = 0;
  std::optional<uint64_t> rate;
  bool operator==(const ThrottleDevice&) const = default;
};
struct BlockIoResources {
  std::optional<uint16_t> weight;
  std::optional<uint16_t> leaf_weight;
  List<WeightDevice> weight_device;
  List<ThrottleDevice> throttle_read_bps_device;
  List<ThrottleDevice> throttle_write_bps_device;
  List<ThrottleDevice> throttle_read_iops_device;
  List<ThrottleDevice> throttle_write_iops_device;
  bool operator==(const BlockIoResources&) const = default;
};

struct HugepageLimit {
  std::string page_size;  // "2MB"
  uint64_t limit = 0;     // bytes
  bool operator==(const HugepageLimit&) const = default;
};

struct InterfacePriority {
  std::string name;
  uint32_t priority = 0;
  bool operator==(const InterfacePriority&) const = default;
};
struct NetworkResources {
  std::optional<uint32_t> class_id;
  List<InterfacePriority> priorities;
  bool operator==(const NetworkResources&) const = default;
};

struct RdmaLimit {
  std::optional<uint32_t> hca_handles;
  std::optional<uint32_t> hca_objects;
  bool operator==(const RdmaLimit&) const = default;
};

struct Resources {
  List<DeviceCgroupRule> devices;
  std::optional<MemoryResources> memory;
  std::optional<CpuResources> cpu;
  std::optional<PidsResources> pids;
  std::optional<BlockIoResources> block_io;
  List<HugepageLimit> hugepage_limits;
  std::optional<NetworkResources> network;
  std::optional<std::map<std::string, RdmaLimit>> rdma;
  StringMap unified;
  bool operator==(const Resources&) const = default;
};

// The r… forms are not in the schema, but engines write them.
enum class Propagation {
  kPrivate,
  kRprivate,
  kShared,
  kRshared,
  kSlave,
  kRslave,
  kUnbindable,
  kRunbindable
};

enum class SeccompAction {
  kKill,
  kKillProcess,
  kKillThread,
  kTrap,
  kErrno,
  kTrace,
  kAllow,
  kLog,
  kNotify
};
enum class SeccompFlag { kTsync, kLog, kSpecAllow, kWaitKillableRecv };
enum class SeccompOperator { kNe, kLt, kLe, kEq, kGe, kGt, kMaskedEq };
enum class SeccompArch {
  kX86,
  kX86_64,
  kX32,
  kArm,
  kAarch64,
  kLoongarch64,
  kM68k,
  kMips,
  kMips64,
  kMips64n32,
  kMipsel,
  kMipsel64,
  kMipsel64n32,
  kPpc,
  kPpc64,
  kPpc64le,
  kS390,
  kS390x,
  kParisc,
  kParisc64,
  kRiscv64,
  kSheb,
  kSh
};

struct SeccompArg {
  uint32_t index = 0;
  uint64_t value = 0;
  std::optional<uint64_t> value_two;
  SeccompOperator op = SeccompOperator::kEq;
  bool operator==(const SeccompArg&) const = default;
};
struct SeccompSyscall {
  std::vector<std::string> names;
  SeccompAction action = SeccompAction::kErrno;
  std::optional<uint32_t> errno_ret;
  List<SeccompArg> args;
  bool operator==(const SeccompSyscall&) const = default;
};
struct Seccomp {
  SeccompAction default_action = SeccompAction::kErrno;
  std::optional<uint32_t> default_errno_ret;
  List<SeccompArch> architectures;
  List<SeccompFlag> flags;
  std::optional<std::string> listener_path;
  std::optional<std::string> listener_metadata;
  List<SeccompSyscall> syscalls;
  bool operator==(const Seccomp&) const = default;
};

struct IntelRdt {
  std::optional<std::string> clos_id;
  List<std::string> schemata;
  std::optional<std::string> l3_cache_schema;
  std::optional<std::string> mem_bw_schema;
  std::optional<bool> enable_monitoring;
  bool operator==(const IntelRdt&) const = default;
};

enum class MemoryPolicyMode {
  kDefault,
  kBind,
  kInterleave,
  kWeightedInterleave,
  kPreferred,
  kPreferredMany,
  kLocal
};
enum class MemoryPolicyFlag { kNumaBalancing, kRelativeNodes, kStaticNodes };
struct MemoryPolicy {
  std::optional<MemoryPolicyMode> mode;
  std::optional<std::string> nodes;
  List<MemoryPolicyFlag> flags;
  bool operator==(const MemoryPolicy&) const = default;
};

enum class PersonalityDomain { kLinux, kLinux32 };
struct Personality {
  std::optional<PersonalityDomain> domain;
  List<std::string> flags;
  bool operator==(const Personality&) const = default;
};

struct Linux {
  List<Device> devices;
  std::optional<std::map<std::string, NetDevice>> net_devices;
  List<IdMapping> uid_mappings;
  List<IdMapping> gid_mappings;
  List<Namespace> namespaces;
  std::optional<Resources> resources;
  std::optional<std::string> cgroups_path;
  std::optional<Propagation> rootfs_propagation;
  std::optional<Seccomp> seccomp;
  StringMap sysctl;
  List<std::string> masked_paths;
  List<std::string> readonly_paths;
  std::optional<std::string> mount_label;
  std::optional<IntelRdt> intel_rdt;
  std::optional<MemoryPolicy> memory_policy;
  std::optional<Personality> personality;
  std::optional<TimeOffsets> time_offsets;
  bool operator==(const Linux&) const = default;
};

struct Spec {
  std::string oci_version;
  std::optional<Root> root;
  std::optional<Process> process;
  std::optional<std::string> hostname;
  std::optional<std::string> domainname;
  List<Mount> mounts;
  std::optional<Hooks> hooks;
  StringMap annotations;
  std::optional<Linux> linux_;  // "linux"; the bare word is a macro of gnu++
  bool operator==(const Spec&) const = default;
};

}  // namespace srt::oci
