// /dev: the devices that every container has, those that linux.devices adds, and the usual links.
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "platform/linux/draft.h"

namespace srt::platform {
namespace {

using Device = init::Device<wire::Owned>;

struct DefaultDevice {
  const char* path;
  unsigned major, minor;
};
// config-linux.md "Default Devices"; console and ptmx are made with the terminal.
constexpr DefaultDevice kDefaults[] = {{"/dev/null", 1, 3},    {"/dev/zero", 1, 5},
                                       {"/dev/full", 1, 7},    {"/dev/random", 1, 8},
                                       {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};

mode_t type_of(oci::DeviceType type) {
  switch (type) {
    case oci::DeviceType::kChar: return S_IFCHR;
    case oci::DeviceType::kBlock: return S_IFBLK;
    case oci::DeviceType::kFifo: return S_IFIFO;
  }
  return S_IFCHR;
}

// A bind on /dev brings the host's own nodes; anything else is ours to fill.
bool fills_dev(const Draft& draft) {
  for (const auto& mount : draft.plan.init.mounts) {
    if (mount.destination == "/dev" && mount.kind == init::MountKind::kBind) return false;
  }
  return true;
}

}  // namespace

Result<void> plan_devices(Draft& draft) {
  auto& init = draft.plan.init;
  bool bind = draft.in_user_namespace();  // mknod of a device needs the initial user namespace
  init.own_dev = fills_dev(draft);
  if (init.own_dev) {
    for (const DefaultDevice& one : kDefaults) {
      init.devices.push_back({one.path, S_IFCHR | 0666, one.major, one.minor, 0, 0, bind, "/dev"});
    }
  }
  size_t index = 0;
  for (const oci::Device& entry : oci::items(draft.os().devices)) {
    std::string pointer = "/linux/devices/" + std::to_string(index++);
    std::string path = std::filesystem::path(entry.path).lexically_normal().string();
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
    // Made with the terminal and the devpts: a node of the host would bypass both.
    if (path == "/dev/console" || path == "/dev/ptmx") continue;
    Device device{path,
                  type_of(entry.type) | (entry.file_mode.value_or(0666) & 07777),
                  static_cast<uint64_t>(entry.major.value_or(0)),
                  static_cast<uint64_t>(entry.minor.value_or(0)),
                  entry.uid.value_or(0),
                  entry.gid.value_or(0),
                  bind && entry.type != oci::DeviceType::kFifo,
                  pointer};
    auto same = std::find_if(init.devices.begin(), init.devices.end(),
                             [&](const Device& known) { return known.path == path; });
    if (same != init.devices.end()) {
      *same = device;
    } else if (!init.own_dev && path.rfind("/dev/", 0) == 0) {
      continue;  // the host's /dev is bound there and has it
    } else {
      init.devices.push_back(device);
    }
  }
  if (!init.own_dev) return {};
  init.symlinks.push_back({"/dev/fd", "/proc/self/fd"});
  init.symlinks.push_back({"/dev/stdin", "/proc/self/fd/0"});
  init.symlinks.push_back({"/dev/stdout", "/proc/self/fd/1"});
  init.symlinks.push_back({"/dev/stderr", "/proc/self/fd/2"});
  if (access("/proc/kcore", F_OK) == 0) init.symlinks.push_back({"/dev/core", "/proc/kcore"});
  init.symlinks.push_back({"/dev/ptmx", "pts/ptmx"});
  return {};
}

}  // namespace srt::platform
