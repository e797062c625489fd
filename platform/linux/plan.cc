#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "oci/version.h"
#include "platform/linux/capabilities.h"
#include "platform/linux/content.h"
#include "platform/linux/draft.h"
#include "platform/linux/namespaces.h"
#include "platform/linux/programs.h"
#include "platform/linux/user_namespace.h"

namespace srt::platform {
namespace {

// `environment`: of a hook that names none; nullptr: the program's.
std::vector<init::Hook<wire::Owned>> to_init_hooks(const oci::List<oci::Hook>& hooks,
                                                   const std::vector<std::string>* environment) {
  std::vector<init::Hook<wire::Owned>> list;
  for (const oci::Hook& hook : oci::items(hooks)) {
    const bool programs_env = !hook.env && !environment;
    std::vector<std::string> env;
    if (!programs_env) env = hook.env ? *hook.env : *environment;
    list.push_back({hook.path, oci::items(hook.args), std::move(env), programs_env,
                    static_cast<uint64_t>(hook.timeout.value_or(0))});
  }
  return list;
}

Result<void> check_console(const oci::Process& process, const CreateOptions& options) {
  bool terminal = process.terminal.value_or(false);
  if (!terminal && !options.console_socket.empty()) {
    return fail("--console-socket", "is given but process.terminal is false",
                "set process.terminal");
  }
  if (terminal && !options.foreground && options.console_socket.empty()) {
    return fail("/process/terminal", "a terminal needs someone who holds its other side",
                "give --console-socket, or use `run` without --detach");
  }
  return {};
}

Result<void> plan_container_process(Draft& draft) {
  if (!draft.spec().process) {
    return fail("/process", "is missing: there is no program to run", "add a process object");
  }
  const oci::Process& process = *draft.spec().process;
  SRT_TRY(check_console(process, draft.options));
  bool listed_user = draft.listed(oci::NamespaceType::kUser) != nullptr;
  ProcessContext context{
      .host = draft.host,
      .os = draft.os(),
      .keyring = draft.options.no_new_keyring ? "" : "_ses." + draft.options.id,
      .foreground = draft.options.foreground,
      .new_user_namespace = listed_user,
      .maps = draft.plan.user.writer,
      .joined_user_namespace = listed_user && !draft.is_new(oci::NamespaceType::kUser),
      .all_processors = !draft.options.die_with_caller};
  SRT_ASSIGN(draft.plan.init.process,
             plan_process(process, context, {draft.plan.warnings, draft.plan.notes}));
  init::Process<wire::Owned>& program = draft.plan.init.process;
  program.reaper = draft.options.reaper;
  program.die_with_runtime = draft.options.die_with_caller;
  program.ignored_signals = draft.options.ignored_signals;
  if (draft.options.own_ids) {
    program.own_ids = true;
    program.own_uid = draft.options.own_ids->uid;
    program.own_gid = draft.options.own_ids->gid;
    program.uid = program.own_uid;
    program.gid = program.own_gid;
    program.set_groups = false;
  }
  draft.plan.oom_score_adj = process.oom_score_adj;
  // A hard limit above ours can be raised only outside of the new user namespace.
  for (const init::Rlimit& limit : draft.plan.init.process.rlimits) {
    draft.plan.rlimits.push_back({static_cast<int>(limit.resource), limit.soft, limit.hard});
  }
  draft.plan.console_socket = draft.options.console_socket;
  draft.plan.pidfd_socket = draft.options.pidfd_socket;
  draft.plan.terminal_to_caller = draft.options.foreground && process.terminal.value_or(false);
  return {};
}

Result<void> plan_filter(Draft& draft) {
  if (draft.options.own_filter) {
    init::Process<wire::Owned>& process = draft.plan.init.process;
    SRT_TRY(plan_own_filter(*draft.options.own_filter, process));
    draft.plan.has_seccomp_agent = !draft.options.own_filter->listener_path.value_or("").empty();
  }
  if (!draft.os().seccomp) return {};
  const oci::Seccomp& seccomp = *draft.os().seccomp;
  SRT_TRY(plan_seccomp(seccomp, draft.plan.init.process, draft.plan.notes));
  draft.plan.seccomp_listener = seccomp.listener_path.value_or("");
  draft.plan.seccomp_metadata = seccomp.listener_metadata.value_or("");
  draft.plan.has_seccomp_agent |= draft.options.brokered || !draft.plan.seccomp_listener.empty();
  return {};
}

// What this platform cannot give is refused with the reason, never dropped.
Result<void> plan_host_extras(Draft& draft) {
  const oci::Linux& os = draft.os();
  if (os.mount_label && !os.mount_label->empty() && access("/sys/fs/selinux/enforce", F_OK) != 0) {
    return fail("/linux/mountLabel", "this host has no SELinux", "leave it out, or enable SELinux");
  }
  if (os.mount_label && !os.mount_label->empty()) {
    return fail("/linux/mountLabel", "is not supported yet", "leave it out");
  }
  if (os.intel_rdt) {
    if (access("/sys/fs/resctrl/schemata", F_OK) != 0) {
      return fail("/linux/intelRdt", "this host has no resctrl filesystem at /sys/fs/resctrl",
                  "leave it out, or `mount -t resctrl resctrl /sys/fs/resctrl` where the processor "
                  "has RDT");
    }
    draft.plan.rdt = os.intel_rdt;
  }
  for (const auto& [name, device] : oci::items(os.net_devices)) {
    if (!draft.is_new(oci::NamespaceType::kNetwork)) {
      return fail("/linux/netDevices/" + name, "needs a new network namespace to move into",
                  "add {\"type\": \"network\"} to /linux/namespaces");
    }
    if (!draft.host.root) {
      return fail("/linux/netDevices/" + name, "moving a network device needs root of the host");
    }
    if (access(("/sys/class/net/" + name).c_str(), F_OK) != 0) {
      return fail("/linux/netDevices/" + name, "this host has no such network device");
    }
    draft.plan.net_devices[name] = device.name.value_or(name);
  }
  return {};
}

// Before 1.3 the limit of pids could not be left out, and engines write 0 for none: podman for
// --pids-limit 0 and -1. runc and crun took it so.
std::optional<oci::Resources> resources_as_meant(const oci::Spec& spec) {
  if (!spec.linux_ || !spec.linux_->resources) return {};
  oci::Resources resources = *spec.linux_->resources;
  const auto version = oci::parse_version(spec.oci_version);
  const bool older = version && version->major == 1 && version->minor < 3;
  if (older && resources.pids && resources.pids->limit == 0) resources.pids->limit = -1;
  return resources;
}

Result<void> decide(Draft& draft) {
  Plan::Content& plan = draft.plan;
  if (!draft.spec().root) {
    return fail("/root", "is missing", "name the root filesystem: {\"path\": \"rootfs\"}");
  }
  plan.bwrap = draft.bundle.bwrap;
  if (plan.bwrap.empty()) {
    SRT_ASSIGN(plan.bwrap, find_program(Program::kBwrap));
  } else {
    if (auto trusted = check_trusted_file(plan.bwrap, !draft.host.initial_user_namespace);
        !trusted) {
      Error error = std::move(trusted).error();
      if (error.mend.empty()) error.mend = "bwrapPath in the settings names it: leave that out";
      return fail(std::move(error));
    }
  }
  SRT_TRY(plan_namespaces(draft));
  const std::optional<oci::Resources> resources = resources_as_meant(draft.spec());
  const std::string cgroups_path = draft.os().cgroups_path.value_or("");
  std::optional<ScopePlan> scope;
  if (draft.options.systemd_cgroup) {
    SRT_ASSIGN(scope, plan_scope({.id = plan.id,
                                  .cgroups_path = cgroups_path,
                                  .annotations = draft.spec().annotations,
                                  .is_host_root = draft.host.root,
                                  .host_uid = host_uid()}));
  }
  SRT_ASSIGN(plan.cgroup,
             plan_cgroup(draft.host.cgroup, plan.id, cgroups_path,
                         resources ? &*resources : nullptr, draft.host.root, std::move(scope)));
  if (draft.options.few_cgroups) leave_out_unused(plan.cgroup);
  plan.lone_cgroups = draft.options.few_cgroups && cgroups_path.empty();
  plan.notes.insert(plan.notes.end(), plan.cgroup.notes.begin(), plan.cgroup.notes.end());
  plan.init.file_rules = draft.options.file_rules;
  if (draft.passthrough()) {
    SRT_TRY(plan_passthrough(draft));
  } else {
    SRT_TRY(plan_mounts(draft));
    SRT_TRY(plan_devices(draft));
  }
  SRT_TRY(plan_kernel_settings(draft));
  SRT_TRY(plan_hooks(draft));
  SRT_TRY(plan_container_process(draft));
  SRT_TRY(plan_filter(draft));
  SRT_TRY(plan_egress(draft));
  SRT_TRY(plan_host_extras(draft));
  plan_bwrap(draft);
  return {};
}

}  // namespace

Result<void> plan_hooks(Draft& draft) {
  if (!draft.spec().hooks) return {};
  const oci::Hooks& hooks = *draft.spec().hooks;
  // As runc: hooks outside inherit the runtime's environment. The one inside runs the container's own
  // files, to which the host's environment (tokens, paths) is nobody's business: it has the program's.
  std::vector<std::string> own;
  if (!oci::items(hooks.create_container).empty()) {
    for (char** entry = environ; *entry != nullptr; ++entry) own.emplace_back(*entry);
  }
  // As crun, and as all hooks outside; runc begins this one in the rootfs.
  auto& init = draft.plan.init;
  init.bundle = draft.bundle.dir;
  init.create_container = to_init_hooks(hooks.create_container, &own);
  init.start_container = to_init_hooks(hooks.start_container, nullptr);
  return {};
}

Result<HostFacts> read_host_facts() {
  HostFacts host;
  host.uid = geteuid();
  host.gid = getegid();
  host.initial_user_namespace = in_initial_user_namespace();
  host.root = host.uid == 0 && host.initial_user_namespace;
  if (!host.initial_user_namespace) {
    auto setgroups = read_file("/proc/self/setgroups");
    host.setgroups_allowed = !setgroups || setgroups->rfind("deny", 0) != 0;
  }
  host.bounding = own_bounding_set();
  SRT_ASSIGN(host.cgroup, read_cgroup_host());
  return host;
}

Result<Plan> make_plan(const Bundle& bundle, const CreateOptions& options) {
  SRT_ASSIGN(HostFacts host, read_host_facts());
  auto content = std::make_shared<Plan::Content>();
  content->id = options.id;
  content->bundle = bundle.dir;
  content->annotations = bundle.spec.annotations;
  content->oci_version = bundle.spec.oci_version;
  content->warnings = bundle.warnings;
  content->init.fds.preserved = options.preserve_fds;
  Draft draft{bundle, options, host, *content};
  SRT_TRY(decide(draft));
  return Plan(std::move(content));
}

const std::vector<std::string>& Plan::warnings() const { return content_->warnings; }
const std::vector<std::string>& Plan::debug_notes() const { return content_->notes; }
Handle Plan::foreseen() const {
  Handle handle;
  handle.cgroups = content_->cgroup.directories;
  handle.lone_cgroups = content_->lone_cgroups;
  if (content_->cgroup.scope) handle.scope = content_->cgroup.scope->unit;
  return handle;
}

}  // namespace srt::platform
