// Rules of config-linux.md, "Seccomp".
#include <algorithm>

#include "oci/names.h"
#include "oci/rules.h"
#include "oci/validate.h"

namespace srt::oci {
namespace {

// config-linux.md: "When the action doesn't support an errno, the runtime MUST print and error and
// fail."
bool takes_errno(SeccompAction action) {
  switch (action) {
    case SeccompAction::kErrno:
    case SeccompAction::kTrace: return true;
    case SeccompAction::kKill:
    case SeccompAction::kKillProcess:
    case SeccompAction::kKillThread:
    case SeccompAction::kTrap:
    case SeccompAction::kAllow:
    case SeccompAction::kLog:
    case SeccompAction::kNotify: return false;
  }
  return false;
}

void check_errno(const Path& path, const std::optional<uint32_t>& value, SeccompAction action,
                 Diagnostics& diagnostics) {
  if (!value) return;
  if (!takes_errno(action)) {
    diagnostics.add_new(path,
                        "has a meaning with SCMP_ACT_ERRNO and SCMP_ACT_TRACE only, not with " +
                            std::string(name(action)));
  }
  check_at_most(path, *value, 0xffff, diagnostics);  // SECCOMP_RET_DATA
}

void check_rule(const Path& path, const SeccompSyscall& rule, Diagnostics& diagnostics) {
  if (rule.names.empty()) {
    diagnostics.add_new(path / "names", "must have at least one entry");
  }
  if (diagnostics.clean(path / "action")) {
    check_errno(path / "errnoRet", rule.errno_ret, rule.action, diagnostics);
  }
  const Path args = path / "args";
  for (size_t i = 0; i < items(rule.args).size(); ++i) {
    const Path arg = args / i;
    check_at_most(arg / "index", items(rule.args)[i].index, 5, diagnostics);
  }
}

bool notifies(const Seccomp& seccomp) {
  const auto is_notify = [](const SeccompSyscall& rule) {
    return rule.action == SeccompAction::kNotify;
  };
  return seccomp.default_action == SeccompAction::kNotify ||
         std::any_of(items(seccomp.syscalls).begin(), items(seccomp.syscalls).end(), is_notify);
}

}  // namespace

void check_seccomp(const Path& path, const Seccomp& seccomp, Diagnostics& diagnostics) {
  if (diagnostics.clean(path / "defaultAction")) {
    check_errno(path / "defaultErrnoRet", seccomp.default_errno_ret, seccomp.default_action,
                diagnostics);
  }
  const Path syscalls = path / "syscalls";
  for (size_t i = 0; i < items(seccomp.syscalls).size(); ++i) {
    check_rule(syscalls / i, items(seccomp.syscalls)[i], diagnostics);
  }
  if (notifies(seccomp)) {
    if (!is_set(seccomp.listener_path)) {
      diagnostics.add_new(path / "listenerPath", "is required with SCMP_ACT_NOTIFY");
    }
    // seccomp(2) takes a listener or TSYNC: both give back a number of their own.
    const std::vector<SeccompFlag>& flags = items(seccomp.flags);
    if (std::find(flags.begin(), flags.end(), SeccompFlag::kTsync) != flags.end()) {
      diagnostics.add_new(path / "flags",
                          "must not have SECCOMP_FILTER_FLAG_TSYNC with SCMP_ACT_NOTIFY");
    }
  }
  if (is_set(seccomp.listener_metadata) && !is_set(seccomp.listener_path) &&
      diagnostics.clean(path / "listenerPath")) {
    diagnostics.add_new(path / "listenerMetadata", "must not be set without listenerPath");
  }
}

}  // namespace srt::oci
