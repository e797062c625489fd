#include "platform/linux/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "platform/fd.h"
#include "platform/linux/seccomp_arch.h"
#include "platform/linux/seccomp_stub.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV  // Linux 5.19
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace srt::platform {
namespace {

using oci::SeccompAction;
using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

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

scmp_compare compare_op(oci::SeccompOperator op) {
  switch (op) {
    case oci::SeccompOperator::kNe: return SCMP_CMP_NE;
    case oci::SeccompOperator::kLt: return SCMP_CMP_LT;
    case oci::SeccompOperator::kLe: return SCMP_CMP_LE;
    case oci::SeccompOperator::kEq: return SCMP_CMP_EQ;
    case oci::SeccompOperator::kGe: return SCMP_CMP_GE;
    case oci::SeccompOperator::kGt: return SCMP_CMP_GT;
    case oci::SeccompOperator::kMaskedEq: return SCMP_CMP_MASKED_EQ;
  }
  __builtin_unreachable();
}

// For MASKED_EQ `value` is the mask and `valueTwo` what the masked argument must equal.
scmp_arg_cmp condition(const oci::SeccompArg& arg) {
  return {arg.index, compare_op(arg.op), arg.value, arg.value_two.value_or(0)};
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

tl::unexpected<Error> libseccomp_error(std::string pointer, std::string_view what, int negative) {
  return fail_errno(std::move(pointer), "libseccomp: " + std::string(what), -negative);
}

Result<void> add_architectures(scmp_filter_ctx filter, const oci::Seccomp& seccomp) {
  const auto& archs = oci::items(seccomp.architectures);
  for (size_t i = 0; i < archs.size(); ++i) {
    const std::string pointer = std::string(kRoot) + "/architectures/" + std::to_string(i);
    const ArchName& arch = arch_name(archs[i]);
    if (arch.token == 0) {
      return fail(pointer, std::string(arch.name) + " is not known to the libseccomp built in");
    }
    int rc = seccomp_arch_add(filter, arch.token);
    if (rc < 0 && rc != -EEXIST) return libseccomp_error(pointer, "add " + arch.name, rc);
  }
  return {};
}

Result<void> add_rule(scmp_filter_ctx filter, const std::string& pointer, uint32_t action,
                      int number, const std::vector<oci::SeccompArg>& args) {
  std::vector<scmp_arg_cmp> conditions;
  for (const oci::SeccompArg& arg : args) conditions.push_back(condition(arg));
  if (same_index_twice(args)) {
    // libseccomp takes one condition per argument. runc and crun make each a rule of its own then,
    // so that any of them matches, and profiles count on it.
    for (const scmp_arg_cmp& one : conditions) {
      int rc = seccomp_rule_add_array(filter, action, number, 1, &one);
      if (rc < 0) return libseccomp_error(pointer, "add rule", rc);
    }
    return {};
  }
  int rc = seccomp_rule_add_array(filter, action, number,
                                  static_cast<unsigned>(conditions.size()), conditions.data());
  if (rc < 0) return libseccomp_error(pointer, "add rule", rc);
  return {};
}

Result<void> add_rules(scmp_filter_ctx filter, const oci::Seccomp& seccomp,
                       uint32_t default_action, std::vector<std::string>& unknown) {
  const auto& rules = oci::items(seccomp.syscalls);
  for (size_t i = 0; i < rules.size(); ++i) {
    SRT_ASSIGN(uint32_t action, return_value(rules[i].action, rules[i].errno_ret,
                                             rule_pointer(i) + "/errnoRet"));
    if (action == default_action) continue;  // says nothing; libseccomp would refuse it
    for (const std::string& name : rules[i].names) {
      int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) {
        unknown.push_back(name);
        continue;
      }
      SRT_TRY(add_rule(filter, rule_pointer(i), action, number, oci::items(rules[i].args)));
    }
  }
  return {};
}

Result<std::vector<sock_filter>> export_bpf(scmp_filter_ctx filter) {
  UniqueFd memory(memfd_create("seccomp", MFD_CLOEXEC));
  if (!memory) return fail_errno(kRoot, "memfd_create");
  if (int rc = seccomp_export_bpf(filter, memory.get()); rc < 0) {
    return libseccomp_error(kRoot, "export", rc);
  }
  const off_t size = lseek(memory.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<size_t>(size) / sizeof(sock_filter));
  if (pread(memory.get(), program.data(), static_cast<size_t>(size), 0) != size) {
    return fail_errno(kRoot, "read the compiled filter");
  }
  return program;
}

}  // namespace

Result<SeccompProgram> compile_seccomp(const oci::Seccomp& seccomp) {
  SRT_TRY(check(seccomp));
  SeccompProgram program;
  program.notify = notifies(seccomp);
  SRT_ASSIGN(program.flags, load_flags(seccomp, program.notify));
  SRT_ASSIGN(uint32_t default_action,
             return_value(seccomp.default_action, seccomp.default_errno_ret,
                          std::string(kRoot) + "/defaultErrnoRet"));

  Filter filter(seccomp_init(default_action), seccomp_release);
  if (!filter) {
    return fail(std::string(kRoot) + "/defaultAction", "libseccomp refuses it on this kernel");
  }
  SRT_TRY(add_architectures(filter.get(), seccomp));
  SRT_TRY(add_rules(filter.get(), seccomp, default_action, program.unknown_syscalls));
  SRT_ASSIGN(std::vector<sock_filter> body, export_bpf(filter.get()));

  program.filter = enosys_stub(seccomp, default_action);
  program.filter.insert(program.filter.end(), body.begin(), body.end());
  if (program.filter.size() > BPF_MAXINSNS) {
    return fail(kRoot, "compiles to " + std::to_string(program.filter.size()) +
                           " instructions, the kernel takes " + std::to_string(BPF_MAXINSNS));
  }
  return program;
}

}  // namespace srt::platform
