#include "runtime/mounted_names.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/resolved_path.h"

namespace srt::runtime {
namespace {

using platform::HostMount;

constexpr std::array<std::string_view, 14> kKernelTypes = {
    "binfmt_misc", "bpf",    "cgroup",  "cgroup2",    "configfs",   "debugfs", "efivarfs",
    "fusectl",     "pstore", "resctrl", "rpc_pipefs", "securityfs", "sysfs",   "tracefs"};

std::string below(const std::string& path, const std::string& folder) {
  return path.substr(folder == "/" ? 0 : folder.size());
}

std::string moved(const std::string& path, const std::string& from, const std::string& to) {
  const std::string rest = below(path, from);
  if (rest.empty() || rest == "/") return to;
  return (to == "/" ? "" : to) + rest;
}

// The one that is seen at `path`: the deepest, of those the last.
const HostMount* mount_of(const std::string& path, const HostMounts& mounts) {
  const HostMount* found = nullptr;
  for (const HostMount& mount : mounts) {
    if (!is_within(path, mount.place)) continue;
    if (found == nullptr || mount.place.size() >= found->place.size()) found = &mount;
  }
  return found;
}

// Another mount may cover the name: then it is no name of that.
bool is_same(const std::string& name, const std::string& original) {
  struct stat there {
  }, wanted{};
  if (lstat(name.c_str(), &there) != 0) return false;
  if (lstat(original.c_str(), &wanted) != 0) return true;  // we cannot tell
  return there.st_dev == wanted.st_dev && there.st_ino == wanted.st_ino;
}

}  // namespace

std::vector<std::string> other_names(const std::string& path, const HostMounts& mounts) {
  std::vector<std::pair<const HostMount*, std::string>> pieces;  // and where they begin
  if (const HostMount* own = mount_of(path, mounts)) pieces.emplace_back(own, path);
  for (const HostMount& mount : mounts) {
    if (mount.place != path && is_within(mount.place, path)) {
      pieces.emplace_back(&mount, mount.place);
    }
  }
  std::vector<std::string> names;
  for (const auto& [piece, begin] : pieces) {
    const std::string in_device = moved(begin, piece->place, piece->root);
    for (const HostMount& other : mounts) {
      if (other.device != piece->device) continue;
      std::string name, original;
      if (is_within(in_device, other.root)) {
        name = moved(in_device, other.root, other.place);
        original = begin;
      } else if (is_within(other.root, in_device)) {
        name = other.place;
        original = moved(other.root, in_device, begin);
      } else {
        continue;
      }
      if (is_within(name, path) || !is_same(name, original)) continue;
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(std::move(name));
      }
    }
  }
  return names;
}

std::vector<std::string> other_process_lists(const HostMounts& mounts) {
  std::vector<std::string> places;
  for (const HostMount& mount : mounts) {
    if (mount.type == "proc" && !is_within(mount.place, "/proc")) places.push_back(mount.place);
  }
  return places;
}

std::vector<std::string> kernel_interfaces(const HostMounts& mounts) {
  std::vector<std::string> places;
  for (const HostMount& mount : mounts) {
    if (std::find(kKernelTypes.begin(), kKernelTypes.end(), mount.type) != kKernelTypes.end()) {
      places.push_back(mount.place);
    }
  }
  return places;
}

}  // namespace srt::runtime
