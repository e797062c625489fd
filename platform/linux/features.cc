// What `features` says of this build on this host: nothing is listed that would then be refused.
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "oci/names.h"
#include "platform/linux/capabilities.h"
#include "platform/linux/cgroup.h"
#include "platform/linux/host_probes.h"
#include "platform/linux/mount_options.h"
#include "platform/linux/namespaces.h"
#include "platform/linux/scope.h"
#include "platform/linux/seccomp.h"
#include "platform/linux/seccomp_arch.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

constexpr uint32_t kWaitKillableRecv = 1u << 5;  // SECCOMP_FILTER_FLAG_…, Linux 5.19

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::vector<std::string> namespaces() {
  std::vector<std::string> names;
  for (const NamespaceKind& kind : kNamespaces) {
    if (exists("/proc/self/ns/" + std::string(kind.proc_name))) {
      names.emplace_back(oci::name(kind.type));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Those that both this build has names for and the kernel knows.
std::vector<std::string> capabilities() {
  auto text = read_file("/proc/sys/kernel/cap_last_cap");
  const size_t last = text ? std::strtoul(text->c_str(), nullptr, 10) : kCapabilities.size() - 1;
  const size_t count = std::min(last + 1, kCapabilities.size());
  return {kCapabilities.begin(), kCapabilities.begin() + static_cast<ptrdiff_t>(count)};
}

bool kernel_has_action(uint32_t action) {
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

uint32_t kernel_action(oci::SeccompAction action) {
  switch (action) {
    case oci::SeccompAction::kKill:
    case oci::SeccompAction::kKillThread: return SECCOMP_RET_KILL_THREAD;
    case oci::SeccompAction::kKillProcess: return SECCOMP_RET_KILL_PROCESS;
    case oci::SeccompAction::kTrap: return SECCOMP_RET_TRAP;
    case oci::SeccompAction::kErrno: return SECCOMP_RET_ERRNO;
    case oci::SeccompAction::kTrace: return SECCOMP_RET_TRACE;
    case oci::SeccompAction::kAllow: return SECCOMP_RET_ALLOW;
    case oci::SeccompAction::kLog: return SECCOMP_RET_LOG;
    case oci::SeccompAction::kNotify: return SECCOMP_RET_USER_NOTIF;
  }
  __builtin_unreachable();
}

// seccomp(2) looks at the flags before it looks at the program, whose address is none here.
bool kernel_has_flag(oci::SeccompFlag flag) {
  uint32_t flags = 0;
  switch (flag) {
    case oci::SeccompFlag::kTsync: flags = SECCOMP_FILTER_FLAG_TSYNC; break;
    case oci::SeccompFlag::kLog: flags = SECCOMP_FILTER_FLAG_LOG; break;
    case oci::SeccompFlag::kSpecAllow: flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW; break;
    case oci::SeccompFlag::kWaitKillableRecv:
      flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | kWaitKillableRecv;
      break;
  }
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, nullptr) != 0 && errno == EFAULT;
}

void add_seccomp(Features& features) {
  features.seccomp = kernel_has_action(SECCOMP_RET_ERRNO);
  for (size_t i = 0; i < oci::kNames<oci::SeccompAction>.size(); ++i) {
    if (kernel_has_action(kernel_action(static_cast<oci::SeccompAction>(i)))) {
      features.seccomp_actions.emplace_back(oci::kNames<oci::SeccompAction>[i]);
    }
  }
  const auto& operators = oci::kNames<oci::SeccompOperator>;
  features.seccomp_operators.assign(operators.begin(), operators.end());
  for (const ArchName& arch : arch_names()) {
    if (arch.token != 0) features.seccomp_archs.push_back(arch.name);
  }
  for (size_t i = 0; i < oci::kNames<oci::SeccompFlag>.size(); ++i) {
    const std::string name(oci::kNames<oci::SeccompFlag>[i]);
    features.seccomp_known_flags.push_back(name);
    if (kernel_has_flag(static_cast<oci::SeccompFlag>(i))) {
      features.seccomp_supported_flags.push_back(name);
    }
  }
}

std::string libseccomp_version() {
  const scmp_version* version = seccomp_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->micro);
}

bool selinux_mounted() { return exists("/sys/fs/selinux/enforce"); }

bool apparmor_enabled() {
  auto enabled = read_file("/sys/module/apparmor/parameters/enabled");
  return enabled && enabled->rfind("Y", 0) == 0;
}

bool has_memory_policy() {
  int mode;
  return syscall(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0) == 0;
}

// In the words of `state`: whether all of the network leads to the egress guard, or the usual ports.
std::string egress_level() {
  const Probe probe = probe_nf_tables();
  if (!probe.tried) return "unknown";  // no namespace to try in
  return probe ? "all-ports" : "named-ports";
}

}  // namespace

Features features() {
  Features features;
  features.namespaces = namespaces();
  features.capabilities = capabilities();
  for (std::string_view option : known_mount_options()) features.mount_options.emplace_back(option);
  add_seccomp(features);
  if (auto host = read_cgroup_host()) {
    features.cgroup_v1 = host->layout == CgroupLayout::kV1 || host->layout == CgroupLayout::kHybrid;
    features.cgroup_v2 = host->layout == CgroupLayout::kV2 || host->layout == CgroupLayout::kHybrid;
  }
  features.systemd = has_scopes();
  features.apparmor = apparmor_enabled();
  features.selinux = selinux_mounted();
  features.intel_rdt = exists("/sys/fs/resctrl/schemata");
  // MOUNT_ATTR_IDMAP came with mount_setattr, Linux 5.12: ENOSYS is the only way to lack it.
  features.idmap_mounts = syscall(SYS_mount_setattr, -1, "", 0, nullptr, 0) != 0 && errno != ENOSYS;
  features.net_devices = exists("/proc/self/ns/net");
  features.memory_policy = has_memory_policy();
  if (features.memory_policy) {
    const auto& modes = oci::kNames<oci::MemoryPolicyMode>;
    const auto& flags = oci::kNames<oci::MemoryPolicyFlag>;
    features.memory_policy_modes.assign(modes.begin(), modes.end());
    features.memory_policy_flags.assign(flags.begin(), flags.end());
  }
  features.annotations["dev.srt.libseccomp.version"] = libseccomp_version();
  features.annotations[kEgressLevel] = egress_level();
  return features;
}

}  // namespace srt::platform
