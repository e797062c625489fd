// config.json's process as numbers for srt-init.
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "platform/linux/capabilities.h"
#include "platform/linux/draft.h"
#include "platform/linux/seccomp.h"

namespace srt::platform {
namespace {

using Process = init::Process<wire::Owned>;

struct RlimitName {
  std::string_view name;
  int number;
};
constexpr std::array kRlimits = {  // config.md "POSIX process", in its order
    RlimitName{"RLIMIT_AS", RLIMIT_AS},
    RlimitName{"RLIMIT_CORE", RLIMIT_CORE},
    RlimitName{"RLIMIT_CPU", RLIMIT_CPU},
    RlimitName{"RLIMIT_DATA", RLIMIT_DATA},
    RlimitName{"RLIMIT_FSIZE", RLIMIT_FSIZE},
    RlimitName{"RLIMIT_LOCKS", RLIMIT_LOCKS},
    RlimitName{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    RlimitName{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    RlimitName{"RLIMIT_NICE", RLIMIT_NICE},
    RlimitName{"RLIMIT_NOFILE", RLIMIT_NOFILE},
    RlimitName{"RLIMIT_NPROC", RLIMIT_NPROC},
    RlimitName{"RLIMIT_RSS", RLIMIT_RSS},
    RlimitName{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    RlimitName{"RLIMIT_RTTIME", RLIMIT_RTTIME},
    RlimitName{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    RlimitName{"RLIMIT_STACK", RLIMIT_STACK}};

// config.md "Linux Process": what cannot be granted is a warning, and no reason to fail: engines ask for
// every capability they know (docker run --privileged) on hosts that lack some themselves.
uint64_t capability_mask(const oci::List<std::string>& names, const char* set,
                         const ProcessContext& context, std::vector<std::string>& warnings) {
  std::string pointer = std::string("/process/capabilities/") + set;
  uint64_t mask = 0;
  for (const std::string& name : oci::items(names)) {
    auto number = capability_number(name);
    if (!number) {  // as runc: newer engines know more than older runtimes
      warnings.push_back(pointer + ": unknown capability " + name + " is left out");
      continue;
    }
    // A new user namespace starts with all of them; elsewhere nobody can give what it lacks.
    if (context.new_user_namespace || (context.host.bounding >> *number & 1) != 0) {
      mask |= uint64_t{1} << *number;
    } else {
      warnings.push_back(pointer + ": " + name +
                         " is left out: the runtime's own bounding set lacks it");
    }
  }
  return mask;
}

Result<init::CapabilitySets> plan_capabilities(const oci::Process& process,
                                               const ProcessContext& context,
                                               PlanMessages messages) {
  init::CapabilitySets sets;
  if (!process.capabilities) return sets;  // absent: none at all
  const oci::Capabilities& given = *process.capabilities;
  std::vector<std::string>& warnings = messages.warnings;
  sets.bounding = capability_mask(given.bounding, "bounding", context, warnings);
  sets.effective = capability_mask(given.effective, "effective", context, warnings);
  sets.inheritable = capability_mask(given.inheritable, "inheritable", context, warnings);
  sets.permitted = capability_mask(given.permitted, "permitted", context, warnings);
  sets.ambient = capability_mask(given.ambient, "ambient", context, warnings);
  if ((sets.effective & ~sets.permitted) != 0) {
    return fail("/process/capabilities/effective", "has capabilities that are not in permitted");
  }
  // The kernel has no ambient capability that is not permitted and inheritable; runc, too, goes on.
  // No warning: buildah asks for them at each RUN, and would print it among what that says.
  const uint64_t possible = sets.permitted & sets.inheritable;
  for (const std::string& name : oci::items(given.ambient)) {
    auto number = capability_number(name);
    if (!number || (sets.ambient & ~possible & uint64_t{1} << *number) == 0) continue;
    messages.notes.push_back("/process/capabilities/ambient: can't raise ambient capability " +
                             name + ": it is not both permitted and inheritable");
  }
  sets.ambient &= possible;
  return sets;
}

Result<void> plan_user(const oci::User& user, const ProcessContext& context, Process& plan) {
  plan.uid = user.uid.value_or(0);
  plan.gid = user.gid.value_or(0);
  plan.umask = user.umask ? static_cast<int64_t>(*user.umask & 0777) : 022;
  for (uint32_t gid : oci::items(user.additional_gids)) plan.groups.push_back(gid);
  plan.groups_may_stay = context.joined_user_namespace;
  plan.set_groups = context.maps == MapWriter::kNobody ? context.host.setgroups_allowed
                                                       : context.maps != MapWriter::kStage;
  if (!plan.set_groups && !plan.groups.empty()) {
    return fail(
        "/process/user/additionalGids",
        "the user namespace denies setgroups(2): with a single mapped id the kernel asks for it",
        "map a range of ids (subuids and newuidmap), or leave the groups out");
  }
  return {};
}

int64_t io_priority(const oci::IoPriority& priority) {
  int64_t cls = 2;
  switch (priority.cls) {
    case oci::IoPriorityClass::kRt: cls = 1; break;
    case oci::IoPriorityClass::kBe: cls = 2; break;
    case oci::IoPriorityClass::kIdle: cls = 3; break;
  }
  return cls << 13 | (priority.priority.value_or(0) & 0x1fff);  // IOPRIO_PRIO_VALUE
}

uint64_t policy_number(oci::SchedulerPolicy policy) {
  switch (policy) {
    case oci::SchedulerPolicy::kOther: return SCHED_OTHER;
    case oci::SchedulerPolicy::kFifo: return SCHED_FIFO;
    case oci::SchedulerPolicy::kRr: return SCHED_RR;
    case oci::SchedulerPolicy::kBatch: return SCHED_BATCH;
    case oci::SchedulerPolicy::kIso: return 4;  // reserved in the kernel, refused by it
    case oci::SchedulerPolicy::kIdle: return SCHED_IDLE;
    case oci::SchedulerPolicy::kDeadline: return 6;  // SCHED_DEADLINE
  }
  return SCHED_OTHER;
}

uint64_t flag_bit(oci::SchedulerFlag flag) {
  switch (flag) {  // <linux/sched.h>, SCHED_FLAG_…
    case oci::SchedulerFlag::kResetOnFork: return 0x01;
    case oci::SchedulerFlag::kReclaim: return 0x02;
    case oci::SchedulerFlag::kDlOverrun: return 0x04;
    case oci::SchedulerFlag::kKeepPolicy: return 0x08;
    case oci::SchedulerFlag::kKeepParams: return 0x10;
    case oci::SchedulerFlag::kUtilClampMin: return 0x20;
    case oci::SchedulerFlag::kUtilClampMax: return 0x40;
  }
  return 0;
}

init::SchedAttr plan_scheduler(const oci::Scheduler& scheduler) {
  init::SchedAttr attr;
  attr.set = true;
  attr.policy = policy_number(scheduler.policy);
  for (oci::SchedulerFlag flag : oci::items(scheduler.flags)) attr.flags |= flag_bit(flag);
  attr.nice = scheduler.nice.value_or(0);
  attr.priority = static_cast<uint64_t>(scheduler.priority.value_or(0));
  attr.runtime = scheduler.runtime.value_or(0);
  attr.deadline = scheduler.deadline.value_or(0);
  attr.period = scheduler.period.value_or(0);
  return attr;
}

// "0-3,7" as a bit mask of `limit` bits at most; used for processors and memory nodes.
Result<std::string> list_to_mask(const std::string& list, const std::string& pointer,
                                 size_t limit) {
  std::string mask;
  const char* at = list.c_str();
  auto number = [&](uint64_t& n) {
    while (*at == ' ') ++at;
    if (*at < '0' || *at > '9') return false;
    n = 0;
    while (*at >= '0' && *at <= '9' && n <= limit) n = n * 10 + static_cast<uint64_t>(*at++ - '0');
    while (*at == ' ') ++at;
    return n < limit;
  };
  while (*at != '\0') {
    uint64_t first = 0, last = 0;
    if (!number(first)) return fail(pointer, "\"" + list + "\" is not a list like \"0-3,7\"");
    last = first;
    if (*at == '-' && (++at, !number(last) || last < first)) {
      return fail(pointer, "\"" + list + "\" has a range that ends before it starts");
    }
    for (uint64_t bit = first; bit <= last; ++bit) {
      if (mask.size() <= bit / 8) mask.resize((bit / 64 + 1) * 8, '\0');
      mask[bit / 8] = static_cast<char>(mask[bit / 8] | 1 << bit % 8);
    }
    if (*at == ',') {
      ++at;
    } else if (*at != '\0') {
      return fail(pointer, "\"" + list + "\" is not a list like \"0-3,7\"");
    }
  }
  return mask;
}

Result<void> plan_affinity(const oci::Process& process, const ProcessContext& context,
                           Process& plan) {
  constexpr size_t kMaxCpus = 8192;
  if (!process.exec_cpu_affinity) {
    // The kernel takes those that there are and that the cgroup allows.
    if (context.all_processors) plan.affinity_final.assign(kMaxCpus / 8, '\xff');
    return {};
  }
  const std::string pointer = "/process/execCPUAffinity/";
  const oci::CpuAffinity& affinity = *process.exec_cpu_affinity;
  if (affinity.initial) {
    SRT_ASSIGN(plan.affinity_initial,
               list_to_mask(*affinity.initial, pointer + "initial", kMaxCpus));
  }
  if (affinity.final) {
    SRT_ASSIGN(plan.affinity_final, list_to_mask(*affinity.final, pointer + "final", kMaxCpus));
  }
  return {};
}

int mode_number(oci::MemoryPolicyMode mode) {
  switch (mode) {
    case oci::MemoryPolicyMode::kDefault: return MPOL_DEFAULT;
    case oci::MemoryPolicyMode::kBind: return MPOL_BIND;
    case oci::MemoryPolicyMode::kInterleave: return MPOL_INTERLEAVE;
    case oci::MemoryPolicyMode::kWeightedInterleave:
      return 6;  // MPOL_WEIGHTED_INTERLEAVE, Linux 6.9
    case oci::MemoryPolicyMode::kPreferred: return MPOL_PREFERRED;
    case oci::MemoryPolicyMode::kPreferredMany: return MPOL_PREFERRED_MANY;
    case oci::MemoryPolicyMode::kLocal: return MPOL_LOCAL;
  }
  return MPOL_DEFAULT;
}

Result<void> plan_memory_policy(const oci::Linux& os, Process& plan) {
  if (!os.memory_policy || !os.memory_policy->mode) return {};
  const oci::MemoryPolicy& policy = *os.memory_policy;
  plan.memory_policy = mode_number(*policy.mode);
  for (oci::MemoryPolicyFlag flag : oci::items(policy.flags)) {
    switch (flag) {
      case oci::MemoryPolicyFlag::kNumaBalancing:
        plan.memory_policy |= 1 << 13;  // MPOL_F_NUMA_BALANCING
        break;
      case oci::MemoryPolicyFlag::kRelativeNodes: plan.memory_policy |= 1 << 14; break;
      case oci::MemoryPolicyFlag::kStaticNodes: plan.memory_policy |= 1 << 15; break;
    }
  }
  SRT_ASSIGN(plan.memory_nodes,
             list_to_mask(policy.nodes.value_or(""), "/linux/memoryPolicy/nodes", 1024));
  return {};
}

Result<void> plan_personality(const oci::Linux& os, Process& plan) {
  if (!os.personality || !os.personality->domain) return {};
  if (!oci::items(os.personality->flags).empty()) {
    return fail("/linux/personality/flags", "no flag is defined by the specification",
                "leave them out");
  }
  plan.personality =
      *os.personality->domain == oci::PersonalityDomain::kLinux32 ? PER_LINUX32 : PER_LINUX;
  return {};
}

Result<void> plan_labels(const oci::Process& process, Process& plan) {
  plan.apparmor_profile = process.apparmor_profile.value_or("");
  plan.selinux_label = process.selinux_label.value_or("");
  if (!plan.apparmor_profile.empty() && access("/sys/kernel/security/apparmor", F_OK) != 0 &&
      access("/sys/module/apparmor/parameters/enabled", F_OK) != 0) {
    return fail("/process/apparmorProfile", "this host has no AppArmor",
                "leave it out, or enable AppArmor");
  }
  if (!plan.selinux_label.empty() && access("/sys/fs/selinux/enforce", F_OK) != 0) {
    return fail("/process/selinuxLabel", "this host has no SELinux",
                "leave it out, or enable SELinux");
  }
  return {};
}

Result<void> plan_rlimits(const oci::Process& process, Process& plan) {
  size_t index = 0;
  for (const oci::Rlimit& limit : oci::items(process.rlimits)) {
    std::string pointer = "/process/rlimits/" + std::to_string(index++);
    bool known = false;
    for (const RlimitName& name : kRlimits) {
      if (name.name != limit.type) continue;
      plan.rlimits.push_back({static_cast<uint64_t>(name.number), limit.soft, limit.hard});
      known = true;
    }
    if (!known)
      return fail(pointer + "/type", "\"" + limit.type + "\" is no resource limit of Linux");
  }
  return {};
}

// As runc: of several entries for one variable the last one counts, and the program sees no other.
std::vector<std::string> plan_environment(const std::vector<std::string>& given) {
  std::vector<std::string> kept;
  std::unordered_set<std::string_view> names;
  for (auto entry = given.rbegin(); entry != given.rend(); ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, entry->find('='));
    if (names.insert(name).second) kept.push_back(*entry);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

bool has_controlling_terminal() {
  UniqueFd tty(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
  return static_cast<bool>(tty);
}

void plan_terminal(const oci::Process& process, const ProcessContext& context, Process& plan) {
  plan.terminal = process.terminal.value_or(false);
  if (process.console_size) {
    plan.console_height = process.console_size->height;
    plan.console_width = process.console_size->width;
  }
  // In the foreground and without a pty the program keeps the caller's session: job control works,
  // and what that would allow (typing into the terminal) is blocked instead.
  bool shares = context.foreground && !plan.terminal && has_controlling_terminal();
  plan.own_session = !shares || context.own_session;
  plan.guard_terminal = shares;
}

}  // namespace

Result<Process> plan_process(const oci::Process& process, const ProcessContext& context,
                             PlanMessages messages) {
  Process plan;
  plan.args = oci::items(process.args);
  plan.env = plan_environment(oci::items(process.env));
  plan.cwd = process.cwd;
  if (plan.args.empty()) {
    return fail("/process/args", "is empty: there is no program to run",
                "name the program in args[0]");
  }
  SRT_TRY(plan_user(process.user.value_or(oci::User{}), context, plan));
  SRT_ASSIGN(plan.capabilities, plan_capabilities(process, context, messages));
  SRT_TRY(plan_rlimits(process, plan));
  plan.no_new_privileges = process.no_new_privileges.value_or(false);
  SRT_TRY(plan_labels(process, plan));
  if (process.scheduler) plan.scheduler = plan_scheduler(*process.scheduler);
  if (process.io_priority) plan.io_priority = io_priority(*process.io_priority);
  SRT_TRY(plan_affinity(process, context, plan));
  SRT_TRY(plan_personality(context.os, plan));
  SRT_TRY(plan_memory_policy(context.os, plan));
  plan_terminal(process, context, plan);
  plan.new_keyring = !context.keyring.empty();
  plan.keyring = context.keyring;
  return plan;
}

Result<void> plan_own_filter(const oci::Seccomp& seccomp, Process& process) {
  SRT_ASSIGN(const SeccompProgram program, compile_seccomp(seccomp));
  process.own_seccomp.filter.assign(reinterpret_cast<const char*>(program.filter.data()),
                                    program.filter.size() * sizeof(sock_filter));
  process.own_seccomp.flags = program.flags;
  return {};
}

Result<void> plan_seccomp(const oci::Seccomp& seccomp, Process& process,
                          std::vector<std::string>& notes) {
  SRT_ASSIGN(SeccompProgram program, compile_seccomp(seccomp));
  process.seccomp.filter.assign(reinterpret_cast<const char*>(program.filter.data()),
                                program.filter.size() * sizeof(sock_filter));
  process.seccomp.flags = program.flags;
  if (!program.unknown_syscalls.empty()) {
    notes.push_back("/linux/seccomp: " + std::to_string(program.unknown_syscalls.size()) +
                    " system calls are not known here and are skipped");
  }
  return {};
}

}  // namespace srt::platform
