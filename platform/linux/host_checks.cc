// What `doctor` asks of this host: each thing tried for real, each lack with its mend.
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "platform/linux/cgroup.h"
#include "platform/linux/host_probes.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/programs.h"
#include "platform/linux/subordinate_ids.h"
#include "platform/linux/user_namespace.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

using Level = HostCheck::Level;

std::string error_text(const Probe& probe) {
  return std::string(probe.step) + ": " + strerror(probe.error);
}

// The value of a sysctl; empty where the kernel has no such one.
std::string setting(const std::string& name) {
  auto text = read_file("/proc/sys/" + name);
  return text ? text->substr(0, text->find('\n')) : "";
}

HostCheck check_bwrap() {
  HostCheck check{.what = "bubblewrap", .required = true};
  auto path = find_program(Program::kBwrap);
  if (!path) {
    check.level = Level::kFailure;
    check.found = path.error().object + " " + path.error().why;
    check.mend = path.error().mend;
    return check;
  }
  unsigned major = 0, minor = 0, patch = 0;
  const std::string text = output_of({*path, "--version"}).value_or("");
  const int fields = std::sscanf(text.c_str(), "bubblewrap %u.%u.%u", &major, &minor, &patch);
  check.found = *path + ", " + text.substr(0, text.find('\n'));
  if (fields < 2 || (major == 0 && minor < 8)) {
    check.level = Level::kFailure;
    check.found = *path + ", " + (fields < 2 ? "which does not tell its version" : text);
    check.mend = "install bubblewrap 0.8.0 or newer";
  }
  return check;
}

// Which of the three known settings forbids user namespaces, and how to change it.
void explain_user_namespaces(const Probe& probe, HostCheck& check) {
  if (setting("kernel/unprivileged_userns_clone") == "0") {
    check.found = "kernel.unprivileged_userns_clone is 0";
    check.mend = "sysctl -w kernel.unprivileged_userns_clone=1";
  } else if (setting("user/max_user_namespaces") == "0") {
    check.found = "user.max_user_namespaces is 0";
    check.mend = "sysctl -w user.max_user_namespaces=15000";
  } else if (setting("kernel/apparmor_restrict_unprivileged_userns") == "1") {
    check.found =
        "kernel.apparmor_restrict_unprivileged_userns is 1 and no AppArmor profile "
        "allows this program to use them";
    check.mend =
        "install the AppArmor profile that comes with this program, or "
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
  } else if (probe.error == ENOSPC) {
    check.found = "the limit user.max_user_namespaces (" + setting("user/max_user_namespaces") +
                  ") is reached";
    check.mend = "sysctl -w user.max_user_namespaces=15000";
  } else if (probe.error == EPERM) {
    check.found = error_text(probe) + " (in a chroot, or under a seccomp filter of a container?)";
    check.mend = "run outside of it, or allow unshare and mount in that container's profile";
  } else {
    check.found = error_text(probe);
    check.mend = "use a kernel with CONFIG_USER_NS, CONFIG_NET_NS, CONFIG_PID_NS and CONFIG_IPC_NS";
  }
}

HostCheck check_user_namespaces() {
  HostCheck check{.what = "user namespaces", .required = true};
  const Probe probe = probe_user_namespaces();
  if (probe) {
    check.found = "an ordinary user can make them, and mount in them";
  } else {
    check.level = Level::kFailure;
    explain_user_namespaces(probe, check);
  }
  return check;
}

// newuidmap and newgidmap write maps that their caller may not, by setuid or by file capabilities.
bool is_privileged(const std::string& path) {
  struct stat st;
  if (stat(path.c_str(), &st) == 0 && (st.st_mode & S_ISUID)) return true;
  return getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

HostCheck check_id_programs() {
  HostCheck check{.what = "newuidmap, newgidmap"};
  for (Program program : {Program::kNewuidmap, Program::kNewgidmap}) {
    auto path = find_program(program);
    if (!path) {
      check.level = Level::kWarning;
      check.found = path.error().object + " " + path.error().why;
      check.mend = path.error().mend + " (without: rootless containers have one id)";
      return check;
    }
    if (!is_privileged(*path)) {
      check.level = Level::kWarning;
      check.found = *path + " is neither setuid nor has file capabilities";
      check.mend = "chmod u+s " + *path;
      return check;
    }
    check.found += (check.found.empty() ? "" : ", ") + *path;
  }
  return check;
}

HostCheck check_subordinate_ids() {
  HostCheck check{.what = "subordinate ids"};
  if (is_host_root()) {
    check.found = "root needs none";
    return check;
  }
  if (!in_initial_user_namespace()) {
    check.found = "inside a user namespace, which has its own";
    return check;
  }
  const std::string name = user_name(getuid());
  const std::string user = name.empty() ? std::to_string(getuid()) : name;
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) {
    uint64_t count = 0;
    for (const SubordinateRange& range : subordinate_ranges(file, getuid())) count += range.count;
    if (count < 65536) {
      check.level = Level::kWarning;
      check.found = std::string(file) + " gives " + user + " " + std::to_string(count) + " ids";
      check.mend = "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + user +
                   " (a range that nobody else has; without: containers have one id)";
      return check;
    }
    check.found +=
        (check.found.empty() ? "" : ", ") + std::string(file) + ": " + std::to_string(count);
  }
  return check;
}

const char* layout_name(CgroupLayout layout) {
  switch (layout) {
    case CgroupLayout::kNone: return "none mounted";
    case CgroupLayout::kV1: return "v1";
    case CgroupLayout::kHybrid: return "v1 with an empty v2 hierarchy";
    case CgroupLayout::kV2: return "v2";
  }
  __builtin_unreachable();
}

HostCheck check_cgroups() {
  HostCheck check{.what = "cgroups"};
  auto host = read_cgroup_host();
  if (!host) {
    return {Level::kWarning, check.what, to_string(host.error()), "mount procfs on /proc", false};
  }
  auto plan = plan_cgroup(*host, "srt-doctor", "", nullptr, is_host_root());
  const bool writable = plan && !plan->directories.empty();
  check.found = std::string(layout_name(host->layout)) + ", " +
                (writable ? "containers get their own" : "none can be written");
  if (writable) return check;
  check.level = Level::kWarning;
  if (host->layout == CgroupLayout::kNone) {
    check.mend = "mount -t cgroup2 cgroup2 /sys/fs/cgroup";
  } else if (host->layout == CgroupLayout::kV2) {
    check.mend =
        "delegate one: start from `systemd-run --user --scope -p Delegate=yes`, or put "
        "[Service] Delegate=cpu cpuset io memory pids into "
        "/etc/systemd/system/user@.service.d/delegate.conf (without: no limits)";
  } else {
    check.mend =
        "v1 has no delegation: boot with systemd.unified_cgroup_hierarchy=1, or run as "
        "root (without: no limits)";
  }
  return check;
}

// What a probe said, as a check.
HostCheck probed(const char* what, const Probe& probe, Level lack, bool required,
                 const char* mend) {
  if (probe) return {Level::kOk, what, "works", "", required};
  return {lack, what, error_text(probe), mend, required};
}

HostCheck check_egress_guard() {
  const Probe probe = probe_nf_tables();
  const char* what = "egress guard on all ports (nf_tables)";
  if (!probe.tried) {
    return probed(what, probe, Level::kWarning, false,
                  "it is not known: allow user namespaces, or ask as root");
  }
  return probed(
      what, probe, Level::kWarning, false,
      "modprobe nf_tables nft_tproxy nft_socket (without: the egress guard listens on the "
      "usual and the named ports only, level named-ports, and all others are refused)");
}

struct Call {
  const char* name;
  long number;
  const char* since;
};
// What no container starts without.
constexpr std::array kCalls = {
    Call{"clone3", SYS_clone3, "5.3"},
    Call{"pidfd_open", SYS_pidfd_open, "5.3"},
    Call{"pidfd_send_signal", SYS_pidfd_send_signal, "5.1"},
    Call{"open_tree", SYS_open_tree, "5.2"},
    Call{"move_mount", SYS_move_mount, "5.2"},
    Call{"openat2", SYS_openat2, "5.6"},
    Call{"close_range", SYS_close_range, "5.9"},
    Call{"mount_setattr", SYS_mount_setattr, "5.12, idmapped mounts with it"},
};

HostCheck check_calls() {
  HostCheck check{.what = "kernel calls", .required = true};
  std::string have, lack;
  for (const Call& call : kCalls) {
    std::string& list = has_system_call(call.number) ? have : lack;
    list += (list.empty() ? "" : ", ") + std::string(call.name);
    if (&list == &lack) list += " (Linux " + std::string(call.since) + ")";
  }
  check.found = have;
  if (!lack.empty()) {
    check.level = Level::kFailure;
    check.found = "without " + lack;
    check.mend = "use Linux 5.12 or newer, and no seccomp filter that hides these calls";
  }
  return check;
}

}  // namespace

std::vector<HostCheck> check_host() {
  return {
      check_bwrap(),
      check_user_namespaces(),
      check_id_programs(),
      check_subordinate_ids(),
      check_cgroups(),
      probed("seccomp filters", probe_seccomp_filter(), Level::kFailure, true,
             "use a kernel with CONFIG_SECCOMP_FILTER"),
      probed("seccomp user notification", probe_seccomp_notification(), Level::kWarning, false,
             "use Linux 5.0 or newer; one process has one listener, so leave the container that "
             "this runs in without one"),
      check_calls(),
      probed("cgroup namespaces", probe_cgroup_namespace(), Level::kWarning, false,
             "use a kernel with CONFIG_CGROUPS"),
      probed("time namespaces", probe_time_namespace(), Level::kWarning, false,
             "use Linux 5.6 or newer with CONFIG_TIME_NS"),
      probed("overlay in user namespaces", probe_overlay(), Level::kWarning, false,
             "modprobe overlay, with Linux 5.11 or newer"),
      check_egress_guard(),
  };
}

}  // namespace srt::platform
