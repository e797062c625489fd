// Which cgroup hierarchies this host has mounted, and where the caller is in them.
#include <algorithm>
#include <optional>
#include <string_view>

#include "platform/linux/cgroup.h"

namespace srt::platform {
namespace {

struct CgroupMount {
  std::string root;   // what of the hierarchy is mounted
  std::string point;  // where
  std::string type;   // "cgroup", "cgroup2"
  std::string options;
};

// proc(5): space, tab, newline and backslash are written as three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// "31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu"
std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  for (const std::string& line : split(mountinfo, '\n')) {
    const size_t dash = line.find(" - cgroup");
    if (dash == std::string::npos) continue;
    const auto left = split(std::string_view(line).substr(0, dash), ' ');
    const auto right = split(std::string_view(line).substr(dash + 3), ' ');
    if (left.size() < 6 || right.size() < 3) continue;
    mounts.push_back({unescape(left[3]), unescape(left[4]), right[0], right[2]});
  }
  return mounts;
}

bool has_all(const std::string& options, const std::string& controllers) {
  const auto have = split(options, ',');
  for (const std::string& controller : split(controllers, ',')) {
    if (std::find(have.begin(), have.end(), controller) == have.end()) return false;
  }
  return true;
}

// The path below the mount point. A mount that does not show the caller's cgroup (a container's,
// with "/.." in it) is used from its top.
std::string below_mount(const std::string& path, const std::string& root) {
  if (root == "/") return path;
  if (path == root) return "/";
  if (path.compare(0, root.size() + 1, root + "/") == 0) return path.substr(root.size());
  return "/";
}

// One line of /proc/self/cgroup, "4:memory:/user.slice", with its mount; none: not mounted.
std::optional<CgroupHierarchy> hierarchy(const std::string& line,
                                         const std::vector<CgroupMount>& mounts) {
  const size_t first = line.find(':');
  const size_t second = line.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos) return {};
  const std::string controllers = line.substr(first + 1, second - first - 1);
  const std::string path = line.substr(second + 1);
  const bool v2 = controllers.empty();
  for (const CgroupMount& mount : mounts) {
    if (v2 ? mount.type != "cgroup2"
           : mount.type != "cgroup" || !has_all(mount.options, controllers)) {
      continue;
    }
    return CgroupHierarchy{controllers, mount.point, below_mount(path, mount.root)};
  }
  return {};
}

}  // namespace

Result<CgroupHost> read_cgroup_host() {
  SRT_ASSIGN(const std::string mountinfo, read_file("/proc/self/mountinfo"));
  SRT_ASSIGN(const std::string cgroups, read_file("/proc/self/cgroup"));
  const auto mounts = cgroup_mounts(mountinfo);
  CgroupHost host;
  std::string unified;
  bool v1 = false, v2 = false;
  for (const std::string& line : split(cgroups, '\n')) {
    auto found = hierarchy(line, mounts);
    if (!found) continue;
    if (found->controllers.empty()) {
      v2 = true;
      unified = found->mount_point;
    } else {
      v1 = true;
      for (const std::string& name : split(found->controllers, ',')) {
        if (name.find('=') == std::string::npos) host.controllers.push_back(name);
      }
    }
    host.hierarchies.push_back(*std::move(found));
  }
  host.layout = v1 && v2 ? CgroupLayout::kHybrid
                : v1     ? CgroupLayout::kV1
                : v2     ? CgroupLayout::kV2
                         : CgroupLayout::kNone;
  if (host.layout == CgroupLayout::kV2) {
    SRT_ASSIGN(const std::string controllers, read_file(unified + "/cgroup.controllers"));
    for (const std::string& name : split(controllers.substr(0, controllers.find('\n')), ' ')) {
      host.controllers.push_back(name);
    }
  }
  return host;
}

CgroupVersions cgroup_versions(const CgroupHost& host) {
  const bool v2 = host.layout == CgroupLayout::kV2;
  const bool in_v1 = std::find(host.controllers.begin(), host.controllers.end(), "hugetlb") !=
                     host.controllers.end();
  return {v2, v2 || (host.layout == CgroupLayout::kHybrid && !in_v1)};
}

std::string cgroup_directory(const std::map<std::string, std::string>& directories,
                             const std::string& controller, CgroupVersions versions) {
  const bool in_v2 = versions.v2 || (controller == "hugetlb" && versions.hugetlb_v2);
  for (const auto& [controllers, directory] : directories) {
    const std::string list = "," + controllers + ",";
    if (in_v2 ? controllers.empty() : list.find("," + controller + ",") != std::string::npos) {
      return directory;
    }
  }
  return "";
}

}  // namespace srt::platform
