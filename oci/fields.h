// Which property of which object is which member: one table per object of config.md, read by
// oci/read.h and by oci/write.h, so that what is parsed is what is printed. The tables of
// config-linux.md are in fields_linux.h.
//
//   visit_fields(mount, [](std::string_view property, auto& member) { … });
//
// A member that is not optional is a property that the specification requires.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "oci/fields_linux.h"
#include "oci/spec.h"

namespace srt::oci {

template <FieldsOf<Root> T, class Visit>
void visit_fields(T& root, Visit&& visit) {
  visit("path", root.path);
  visit("readonly", root.readonly);
}

template <FieldsOf<Mount> T, class Visit>
void visit_fields(T& mount, Visit&& visit) {
  visit("destination", mount.destination);
  visit("type", mount.type);
  visit("source", mount.source);
  visit("options", mount.options);
  visit("uidMappings", mount.uid_mappings);
  visit("gidMappings", mount.gid_mappings);
}

template <FieldsOf<Box> T, class Visit>
void visit_fields(T& box, Visit&& visit) {
  visit("height", box.height);
  visit("width", box.width);
}

template <FieldsOf<User> T, class Visit>
void visit_fields(T& user, Visit&& visit) {
  visit("uid", user.uid);
  visit("gid", user.gid);
  visit("umask", user.umask);
  visit("additionalGids", user.additional_gids);
  visit("username", user.username);
}

template <FieldsOf<Capabilities> T, class Visit>
void visit_fields(T& capabilities, Visit&& visit) {
  visit("bounding", capabilities.bounding);
  visit("effective", capabilities.effective);
  visit("inheritable", capabilities.inheritable);
  visit("permitted", capabilities.permitted);
  visit("ambient", capabilities.ambient);
}

template <FieldsOf<Rlimit> T, class Visit>
void visit_fields(T& rlimit, Visit&& visit) {
  visit("type", rlimit.type);
  visit("hard", rlimit.hard);
  visit("soft", rlimit.soft);
}

template <FieldsOf<IoPriority> T, class Visit>
void visit_fields(T& priority, Visit&& visit) {
  visit("class", priority.cls);
  visit("priority", priority.priority);
}

template <FieldsOf<Scheduler> T, class Visit>
void visit_fields(T& scheduler, Visit&& visit) {
  visit("policy", scheduler.policy);
  visit("nice", scheduler.nice);
  visit("priority", scheduler.priority);
  visit("flags", scheduler.flags);
  visit("runtime", scheduler.runtime);
  visit("deadline", scheduler.deadline);
  visit("period", scheduler.period);
}

template <FieldsOf<CpuAffinity> T, class Visit>
void visit_fields(T& affinity, Visit&& visit) {
  visit("initial", affinity.initial);
  visit("final", affinity.final);
}

template <FieldsOf<Process> T, class Visit>
void visit_fields(T& process, Visit&& visit) {
  visit("terminal", process.terminal);
  visit("consoleSize", process.console_size);
  visit("user", process.user);
  visit("args", process.args);
  visit("commandLine", process.command_line);
  visit("env", process.env);
  visit("cwd", process.cwd);
  visit("capabilities", process.capabilities);
  visit("rlimits", process.rlimits);
  visit("noNewPrivileges", process.no_new_privileges);
  visit("apparmorProfile", process.apparmor_profile);
  visit("oomScoreAdj", process.oom_score_adj);
  visit("scheduler", process.scheduler);
  visit("selinuxLabel", process.selinux_label);
  visit("ioPriority", process.io_priority);
  visit("execCPUAffinity", process.exec_cpu_affinity);
}

template <FieldsOf<Hook> T, class Visit>
void visit_fields(T& hook, Visit&& visit) {
  visit("path", hook.path);
  visit("args", hook.args);
  visit("env", hook.env);
  visit("timeout", hook.timeout);
}

template <FieldsOf<Hooks> T, class Visit>
void visit_fields(T& hooks, Visit&& visit) {
  visit("prestart", hooks.prestart);
  visit("createRuntime", hooks.create_runtime);
  visit("createContainer", hooks.create_container);
  visit("startContainer", hooks.start_container);
  visit("poststart", hooks.poststart);
  visit("poststop", hooks.poststop);
}

template <FieldsOf<Spec> T, class Visit>
void visit_fields(T& spec, Visit&& visit) {
  visit("ociVersion", spec.oci_version);
  visit("process", spec.process);
  visit("root", spec.root);
  visit("hostname", spec.hostname);
  visit("domainname", spec.domainname);
  visit("mounts", spec.mounts);
  visit("hooks", spec.hooks);
  visit("annotations", spec.annotations);
  visit("linux", spec.linux_);
}

// A property that files from before it existed lack: the member then keeps the value it was made with.
template <class T>
struct WithDefault {
  T& member;
};
template <class T>
WithDefault(T&) -> WithDefault<T>;

}  // namespace srt::oci
