#include "oci/template.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "oci/version.h"

namespace srt::oci {
namespace {

Mount mount(std::string destination, std::string type, std::string source,
            List<std::string> options = {}) {
  return {std::move(destination), std::move(type), std::move(source), std::move(options), {}, {}};
}

std::vector<Namespace> new_namespaces(std::initializer_list<NamespaceType> types) {
  std::vector<Namespace> namespaces;
  for (NamespaceType type : types) namespaces.push_back({type, {}});
  return namespaces;
}

Process shell() {
  const std::vector<std::string> few = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  Process process;
  process.terminal = true;
  process.user = User{.uid = 0, .gid = 0};
  process.args = {{"sh"}};
  process.env = {
      {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"}};
  process.cwd = "/";
  process.capabilities = Capabilities{
      .bounding = few, .effective = few, .inheritable = {}, .permitted = few, .ambient = {}};
  process.rlimits = {{{"RLIMIT_NOFILE", 1024, 1024}}};
  process.no_new_privileges = true;
  return process;
}

std::vector<Mount> default_mounts() {
  return {
      mount("/proc", "proc", "proc"),
      mount("/dev", "tmpfs", "tmpfs", {{"nosuid", "strictatime", "mode=755", "size=65536k"}}),
      mount("/dev/pts", "devpts", "devpts",
            {{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}}),
      mount("/dev/shm", "tmpfs", "shm",
            {{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}}),
      mount("/dev/mqueue", "mqueue", "mqueue", {{"nosuid", "noexec", "nodev"}}),
      mount("/sys", "sysfs", "sysfs", {{"nosuid", "noexec", "nodev", "ro"}}),
      mount("/sys/fs/cgroup", "cgroup", "cgroup",
            {{"nosuid", "noexec", "nodev", "relatime", "ro"}}),
  };
}

void hide_kernel_interfaces(Linux& os) {
  os.masked_paths = {{"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                      "/proc/sched_debug", "/sys/firmware", "/proc/scsi"}};
  os.readonly_paths = {{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}};
}

void map_root_to(Linux& os, uint32_t uid, uint32_t gid) {
  os.uid_mappings = {{IdMapping{0, uid, 1}}};
  os.gid_mappings = {{IdMapping{0, gid, 1}}};
}

}  // namespace

Spec default_spec() {
  Spec spec;
  spec.oci_version = kOciVersionMax;
  spec.root = Root{"rootfs", true};
  spec.process = shell();
  spec.hostname = "srt";
  spec.mounts = default_mounts();
  Linux& os = spec.linux_.emplace();
  os.resources.emplace().devices = {{DeviceCgroupRule{.allow = false, .access = "rwm"}}};
  os.namespaces =
      new_namespaces({NamespaceType::kPid, NamespaceType::kNetwork, NamespaceType::kIpc,
                      NamespaceType::kUts, NamespaceType::kMount, NamespaceType::kCgroup});
  hide_kernel_interfaces(os);
  return spec;
}

Spec rootless_spec(uint32_t uid, uint32_t gid) {
  Spec spec = default_spec();
  Linux& os = *spec.linux_;
  std::erase_if(*os.namespaces,
                [](const Namespace& ns) { return ns.type == NamespaceType::kNetwork; });
  os.namespaces->push_back({NamespaceType::kUser, {}});
  map_root_to(os, uid, gid);
  os.resources.reset();
  for (Mount& one : *spec.mounts) {
    if (one.destination == "/sys") {
      // A new sysfs needs a network namespace that belongs to the user namespace.
      one = mount("/sys", "none", "/sys", {{"rbind", "nosuid", "noexec", "nodev", "ro"}});
    }
    // Group 5 (tty) is not mapped.
    if (one.options) std::erase(*one.options, "gid=5");
  }
  return spec;
}

Spec host_spec(const HostPassthrough& host) {
  Spec spec;
  spec.oci_version = kOciVersionMax;
  spec.root = Root{"/", true};
  spec.process = shell();
  spec.process->cwd = host.cwd;
  spec.process->capabilities.emplace();
  spec.process->rlimits.reset();
  spec.mounts = {
      mount("/proc", "proc", "proc", {{"nosuid", "noexec", "nodev"}}),
      mount("/dev", "tmpfs", "tmpfs", {{"nosuid", "strictatime", "mode=755", "size=65536k"}}),
      mount("/dev/pts", "devpts", "devpts",
            {{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}}),
      mount("/dev/shm", "tmpfs", "shm",
            {{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}}),
      mount("/tmp", "tmpfs", "tmpfs", {{"nosuid", "nodev", "mode=1777"}}),
      // Last: it may lie below /tmp.
      mount(host.cwd, "none", host.cwd, {{"rbind", "rw", "nosuid", "nodev"}}),
  };
  Linux& os = spec.linux_.emplace();
  os.namespaces =
      new_namespaces({NamespaceType::kPid, NamespaceType::kNetwork, NamespaceType::kIpc,
                      NamespaceType::kUts, NamespaceType::kMount, NamespaceType::kCgroup});
  if (host.uid != 0) {
    os.namespaces->push_back({NamespaceType::kUser, {}});
    map_root_to(os, host.uid, host.gid);
  }
  hide_kernel_interfaces(os);
  if (!host.home.empty()) {
    for (const char* secret : {".ssh", ".gnupg", ".aws", ".azure", ".config/gcloud", ".docker",
                               ".kube", ".netrc", ".npmrc", ".git-credentials"}) {
      os.masked_paths->push_back(host.home + "/" + secret);
    }
  }
  return spec;
}

}  // namespace srt::oci
