#include "platform/linux/seccomp.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "platform/linux/seccomp_arch.h"
#include "platform/linux/seccomp_bpf.h"
#include "platform/linux/seccomp_library.h"
#include "platform/linux/seccomp_table.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV  // Linux 5.19
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace srt::platform {
namespace {

using oci::SeccompAction;

constexpr char kRoot[] = "/linux/seccomp";
constexpr uint32_t kMaxErrno = 4095;  // include/linux/err.h MAX_ERRNO: seccomp(2) cuts off above
constexpr unsigned kMaxArgs = 6;

std::string rule_pointer(size_t rule) {
  return std::string(kRoot) + "/syscalls/" + std::to_string(rule);
}

// The action as the kernel's return value. `pointer` is the object that holds action and errno.
Result<uint32_t> return_value(SeccompAction action, std::optional<uint32_t> errno_ret,
                              const std::string& errno_pointer) {
  const bool takes_errno = action == SeccompAction::kErrno || action == SeccompAction::kTrace;
  // config-linux.md: "When the action does not support an errno, the runtime MUST print and error
  // and fail."
  if (errno_ret && !takes_errno) {
    return fail(errno_pointer, "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE return an errno");
  }
  if (errno_ret && *errno_ret > kMaxErrno) {
    return fail(errno_pointer, "must be at most " + std::to_string(kMaxErrno) + ", got " +
                                   std::to_string(*errno_ret));
  }
  const uint32_t data = errno_ret.value_or(EPERM);
  switch (action) {
    case SeccompAction::kKill:
    case SeccompAction::kKillThread: return SCMP_ACT_KILL_THREAD;
    case SeccompAction::kKillProcess: return SCMP_ACT_KILL_PROCESS;
    case SeccompAction::kTrap: return SCMP_ACT_TRAP;
    case SeccompAction::kErrno: return SCMP_ACT_ERRNO(data);
    case SeccompAction::kTrace: return SCMP_ACT_TRACE(data);
    case SeccompAction::kAllow: return SCMP_ACT_ALLOW;
    case SeccompAction::kLog: return SCMP_ACT_LOG;
    case SeccompAction::kNotify: return SCMP_ACT_NOTIFY;
  }
  __builtin_unreachable();
}

bool same_index_twice(const std::vector<oci::SeccompArg>& args) {
  unsigned seen = 0;
  for (const oci::SeccompArg& arg : args) {
    if (seen & (1u << arg.index)) return true;
    seen |= 1u << arg.index;
  }
  return false;
}

// What no kernel or no agent could work with.
Result<void> check(const oci::Seccomp& seccomp) {
  if (seccomp.default_action == SeccompAction::kNotify) {
    // Every call between loading the filter and execve would wait for an agent that has not got the
    // listener yet.
    return fail(std::string(kRoot) + "/defaultAction", "SCMP_ACT_NOTIFY cannot be the default");
  }
  const auto& rules = oci::items(seccomp.syscalls);
  for (size_t i = 0; i < rules.size(); ++i) {
    const oci::SeccompSyscall& rule = rules[i];
    if (rule.action == SeccompAction::kNotify) {
      if (seccomp.listener_path.value_or("").empty()) {
        return fail(rule_pointer(i) + "/action", "SCMP_ACT_NOTIFY needs listenerPath");
      }
      // runc refuses this too: profiles must not work with one runtime only.
      if (std::find(rule.names.begin(), rule.names.end(), "write") != rule.names.end()) {
        return fail(rule_pointer(i) + "/names", "SCMP_ACT_NOTIFY cannot be used for write");
      }
    }
    for (size_t j = 0; j < oci::items(rule.args).size(); ++j) {
      const uint32_t index = oci::items(rule.args)[j].index;
      if (index >= kMaxArgs) {
        return fail(rule_pointer(i) + "/args/" + std::to_string(j) + "/index",
                    "must be 0 to 5, got " + std::to_string(index));
      }
    }
  }
  return {};
}

bool notifies(const oci::Seccomp& seccomp) {
  const auto& rules = oci::items(seccomp.syscalls);
  return std::any_of(rules.begin(), rules.end(),
                     [](const auto& rule) { return rule.action == SeccompAction::kNotify; });
}

Result<uint32_t> load_flags(const oci::Seccomp& seccomp, bool notify) {
  uint32_t flags = notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  // Without `flags` runc (from 1.2) and crun leave the speculative store bypass mitigation to the
  // workload (SPEC_ALLOW), as kernels from 5.16 do for every filter; an empty list means none.
  if (!seccomp.flags) return flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  for (size_t i = 0; i < seccomp.flags->size(); ++i) {
    switch ((*seccomp.flags)[i]) {
      case oci::SeccompFlag::kTsync:
        // The init has one thread when it loads the filter, so TSYNC changes nothing; together with
        // NEW_LISTENER kernels before 5.7 refuse it (EINVAL).
        if (!notify) flags |= SECCOMP_FILTER_FLAG_TSYNC;
        break;
      case oci::SeccompFlag::kLog: flags |= SECCOMP_FILTER_FLAG_LOG; break;
      case oci::SeccompFlag::kSpecAllow: flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW; break;
      case oci::SeccompFlag::kWaitKillableRecv:
        if (!notify) {  // the kernel says EINVAL
          return fail(std::string(kRoot) + "/flags/" + std::to_string(i),
                      "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY");
        }
        flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        break;
    }
  }
  return flags;
}

// The rule once for each way in which it can match. libseccomp takes one condition per argument;
// where there are more, runc and crun make each a rule of its own, so that any of them matches, and
// profiles count on it.
void add_rule(std::vector<SeccompRule>& rules, SeccompRule rule,
              const std::vector<oci::SeccompArg>& args) {
  if (!same_index_twice(args)) {
    rule.conditions = args;
    rules.push_back(std::move(rule));
    return;
  }
  for (const oci::SeccompArg& arg : args) {
    rule.conditions = {arg};
    rules.push_back(rule);
  }
}

Result<void> add_rules(SeccompProfile& profile, const oci::Seccomp& seccomp,
                       std::vector<std::string>& unknown) {
  const auto& rules = oci::items(seccomp.syscalls);
  for (size_t i = 0; i < rules.size(); ++i) {
    SRT_ASSIGN(const uint32_t action,
               return_value(rules[i].action, rules[i].errno_ret, rule_pointer(i) + "/errnoRet"));
    SeccompRule rule{.action = action, .pointer = rule_pointer(i)};
    for (const std::string& name : rules[i].names) {
      const bool known = syscall_number(seccomp_arch_native(), name) != __NR_SCMP_ERROR;
      (known ? rule.names : unknown).push_back(name);
    }
    add_rule(profile.rules, std::move(rule), oci::items(rules[i].args));
  }
  return {};
}

Result<void> check_architectures(const oci::Seccomp& seccomp) {
  const auto& archs = oci::items(seccomp.architectures);
  for (size_t i = 0; i < archs.size(); ++i) {
    const ArchName& arch = arch_name(archs[i]);
    if (arch.token == 0) {
      return fail(std::string(kRoot) + "/architectures/" + std::to_string(i),
                  std::string(arch.name) + " is not known to the libseccomp built in");
    }
  }
  return {};
}

// What calls newer than the profile are answered: ENOSYS, so that a libc falls back to older ones,
// where the default would break it with EPERM or end it. As runc does: not where the default lets
// calls pass, or hands them to a tracer that knows better.
std::optional<uint32_t> newer_calls(uint32_t default_action) {
  switch (default_action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
    case SECCOMP_RET_TRACE: return {};
  }
  if (default_action == SCMP_ACT_ERRNO(ENOSYS)) return {};
  return SCMP_ACT_ERRNO(ENOSYS);
}

Result<SeccompProfile> make_profile(const oci::Seccomp& seccomp, uint32_t native,
                                    std::vector<std::string>& unknown) {
  SRT_TRY(check(seccomp));
  SRT_TRY(check_architectures(seccomp));
  SeccompProfile profile;
  SRT_ASSIGN(profile.default_action, return_value(seccomp.default_action, seccomp.default_errno_ret,
                                                  std::string(kRoot) + "/defaultErrnoRet"));
  profile.newer = newer_calls(profile.default_action);
  profile.archs = filter_archs(seccomp, native);
  SRT_TRY(add_rules(profile, seccomp, unknown));
  return profile;
}

// LOG, KILL_PROCESS and USER_NOTIF came with Linux 4.14 and 5.0.
Result<void> check_kernel(const SeccompProfile& profile) {
  auto check_action = [](uint32_t action, const std::string& pointer) -> Result<void> {
    uint32_t asked = action & SECCOMP_RET_ACTION_FULL;
    switch (asked) {
      case SECCOMP_RET_LOG:
      case SECCOMP_RET_KILL_PROCESS:
      case SECCOMP_RET_USER_NOTIF: break;
      default: return {};
    }
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &asked) == 0) return {};
    return fail_errno(pointer, "this kernel does not have the action");
  };
  SRT_TRY(check_action(profile.default_action, std::string(kRoot) + "/defaultAction"));
  for (const SeccompRule& rule : profile.rules) {
    SRT_TRY(check_action(rule.action, rule.pointer + "/action"));
  }
  return {};
}

}  // namespace

Result<SeccompProgram> compile_seccomp(const oci::Seccomp& seccomp, SeccompCompiler compiler,
                                       std::optional<oci::SeccompArch> machine) {
  SeccompProgram program;
  const uint32_t native = machine ? arch_name(*machine).token : seccomp_arch_native();
  SRT_ASSIGN(const SeccompProfile profile, make_profile(seccomp, native, program.unknown_syscalls));
  program.notify = notifies(seccomp);
  SRT_ASSIGN(program.flags, load_flags(seccomp, program.notify));
  SRT_TRY(check_kernel(profile));

  std::optional<std::vector<SeccompArchTable>> table;
  if (compiler == SeccompCompiler::kFastest) table = make_seccomp_table(profile);
  if (table) {
    program.filter = seccomp_bpf(*table);
  } else {
    SRT_ASSIGN(program.filter, compile_with_libseccomp(profile));
  }
  if (program.filter.size() > BPF_MAXINSNS) {
    return fail(kRoot, "compiles to " + std::to_string(program.filter.size()) +
                           " instructions, the kernel takes " + std::to_string(BPF_MAXINSNS));
  }
  return program;
}

}  // namespace srt::platform
