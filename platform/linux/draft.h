// A plan under construction, and the order in which its parts are decided (plan.cc).
#pragma once

#include <sys/types.h>

#include <string>

#include "platform/linux/content.h"

namespace srt::platform {

// What the host is, read once.
struct HostFacts {
  bool root = false;  // uid 0 of the initial user namespace
  bool initial_user_namespace = false;
  uid_t uid = 0;
  gid_t gid = 0;
  bool setgroups_allowed = true;
  uint64_t bounding = 0;  // our own capability bounding set
  CgroupHost cgroup;
};
Result<HostFacts> read_host_facts();

struct Draft {
  const Bundle& bundle;
  const CreateOptions& options;
  const HostFacts& host;
  Plan::Content& plan;

  const oci::Spec& spec() const { return bundle.spec; }
  const oci::Linux& os() const;  // an empty one where the spec has none
  // The listed namespace of this type, or null.
  const oci::Namespace* listed(oci::NamespaceType type) const;
  bool is_new(oci::NamespaceType type) const;
  // Whether ids inside are not the host's: a new or joined user namespace, or one we are already in.
  bool in_user_namespace() const;
  bool passthrough() const;  // the rootfs is the host's own "/"
};

Result<void> plan_namespaces(Draft& draft);
Result<void> plan_mounts(Draft& draft);       // a rootfs of its own
Result<void> plan_passthrough(Draft& draft);  // the host's tree: all mounts are bwrap arguments
Result<void> plan_devices(Draft& draft);
Result<void> plan_kernel_settings(Draft& draft);  // sysctl, hostname, domainname
Result<void> plan_hooks(Draft& draft);
Result<void> plan_egress(Draft& draft);
void plan_bwrap(Draft& draft);

// A process of config.json or process.json; used by create and by exec.
struct ProcessContext {
  const HostFacts& host;
  const oci::Linux& os;
  std::string keyring;  // name of its session keyring; empty: keep the caller's
  bool foreground = false;
  bool own_session = false;  // whatever is in the foreground
  bool new_user_namespace = false;
  MapWriter maps = MapWriter::kNobody;
  bool joined_user_namespace = false;
  // As runc: the processors that the caller was bound to (an engine's daemon) are not the container's,
  // whose cgroup says where it runs. A command of the caller's own keeps them.
  bool all_processors = true;
};
// What a plan says beside what it does: warnings for whoever calls, notes for --debug.
struct PlanMessages {
  std::vector<std::string>& warnings;
  std::vector<std::string>& notes;
};
Result<init::Process<wire::Owned>> plan_process(const oci::Process& process,
                                                const ProcessContext& context,
                                                PlanMessages messages);
// linux.seccomp, compiled into `process`.
Result<void> plan_seccomp(const oci::Seccomp& seccomp, init::Process<wire::Owned>& process,
                          std::vector<std::string>& notes);

// CreateOptions::own_filter.
Result<void> plan_own_filter(const oci::Seccomp& seccomp, init::Process<wire::Owned>& process);

}  // namespace srt::platform
