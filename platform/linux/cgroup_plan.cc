// From a bundle's cgroupsPath and resources to directories and writes. Looks, writes nothing.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "platform/linux/cgroup.h"
#include "platform/linux/cgroup_limits.h"
#include "platform/linux/device_filter.h"

namespace srt::platform {
namespace {

constexpr char kPathPointer[] = "/linux/cgroupsPath";
constexpr char kDelegate[] =
    "run it as root, or delegate a cgroup: systemd-run --user --scope -p Delegate=yes …";

// Lexically: no empty, "." or ".." part is left, and ".." at the top stays at the top.
std::string clean(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    begin = end + 1;
  }
  std::string cleaned;
  for (std::string_view part : parts) cleaned += "/" + std::string(part);
  return cleaned;
}

std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool is_at_or_below(const std::string& path, const std::string& ancestor) {
  return path == ancestor || path.compare(0, ancestor.size() + 1, ancestor + "/") == 0;
}

// Below the mount point: "/user.slice/web".
std::string place(const CgroupHierarchy& hierarchy, CgroupLayout layout, const std::string& id,
                  const std::string& cgroups_path) {
  std::string inner = clean(cgroups_path.empty() ? id : cgroups_path);
  if (!cgroups_path.empty() && cgroups_path[0] == '/') return inner;
  const std::string own = clean(hierarchy.own);
  return (layout == CgroupLayout::kV2 && !own.empty() ? parent(own) : own) + inner;
}

bool may_write(const std::string& path) {
  return faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

// Whether an ordinary user can make `place` and move a process of his own there.
bool is_writable(const CgroupHierarchy& hierarchy, const std::string& place) {
  std::string there = place;
  while (!there.empty() && access((hierarchy.mount_point + there).c_str(), F_OK) != 0) {
    there = parent(there);
  }
  if (!may_write(hierarchy.mount_point + there)) return false;
  const bool exists = there == place;
  if (exists && !may_write(hierarchy.mount_point + there + "/cgroup.procs")) return false;
  if (!hierarchy.controllers.empty()) return true;
  // v2 moves a process only where its common ancestor with the target is the user's too
  // (cgroup-v2.rst, "Delegation Containment").
  std::string common = clean(hierarchy.own);
  while (!is_at_or_below(place, common)) common = parent(common);
  return may_write(hierarchy.mount_point + common + "/cgroup.procs");
}

Result<void> check_place(const CgroupHierarchy& hierarchy, const std::string& place) {
  if (place.empty()) {
    return fail(kPathPointer, "is the root of the hierarchy, where the host's processes are");
  }
  // Ending the container ends everything in its cgroup: never the caller.
  if (is_at_or_below(clean(hierarchy.own), place)) {
    return fail(kPathPointer, "\"" + place + "\" holds the runtime itself");
  }
  return {};
}

class Planner {
 public:
  Planner(const CgroupHost& host, bool is_host_root)
      : host_(host), versions_(cgroup_versions(host)), is_host_root_(is_host_root) {
    plan_.layout = host.layout;
  }

  // Who may write there and move whom is systemd's concern.
  Result<void> within(ScopePlan scope) {
    if (host_.layout != CgroupLayout::kV2) {
      return fail("--systemd-cgroup", "needs cgroup v2 at /sys/fs/cgroup",
                  "boot with systemd.unified_cgroup_hierarchy=1, or use the cgroupfs driver");
    }
    for (const CgroupHierarchy& hierarchy : host_.hierarchies) {
      SRT_TRY(check_place(hierarchy, scope.cgroup));
      plan_.directories[hierarchy.controllers] = hierarchy.mount_point + scope.cgroup;
    }
    plan_.scope = std::move(scope);
    return {};
  }

  Result<void> directories(const std::string& id, const std::string& cgroups_path) {
    for (const CgroupHierarchy& hierarchy : host_.hierarchies) {
      const std::string path = place(hierarchy, host_.layout, id, cgroups_path);
      SRT_TRY(check_place(hierarchy, path));
      if (is_host_root_ || is_writable(hierarchy, path)) {
        plan_.directories[hierarchy.controllers] = hierarchy.mount_point + path;
      }
    }
    if (plan_.directories.empty()) {
      plan_.notes.push_back(host_.layout == CgroupLayout::kNone
                                ? "no cgroup hierarchy is mounted: going on without a cgroup"
                                : "no cgroup is writable: going on without one");
    } else if (plan_.directories.size() < host_.hierarchies.size()) {
      plan_.notes.push_back("only some cgroup hierarchies are writable: using those");
    }
    return {};
  }

  Result<void> limits(const oci::Resources& resources) {
    SRT_ASSIGN(const auto limits, cgroup_limits(resources, versions_));
    if (plan_.scope) {
      const std::vector<ScopeProperty> properties = scope_properties(limits);
      plan_.scope->properties.insert(plan_.scope->properties.end(), properties.begin(),
                                     properties.end());
    }
    for (const CgroupLimit& limit : limits) {
      const std::string directory = directory_of(limit.controller);
      if (!directory.empty()) {
        plan_.writes.push_back(cgroup_write(limit, directory));
      } else if (!limit.unlimited) {
        return no_place(limit);
      }
    }
    return {};
  }

  Result<void> devices(const oci::Resources* resources) {
    if (!is_host_root_) {
      if (resources && !oci::items(resources->devices).empty()) {
        plan_.notes.push_back("device rules are not needed: no device can be made without root");
      }
      return {};
    }
    SRT_ASSIGN(const DeviceFilter filter, make_device_filter(resources));
    if (filter.allows_everything()) return {};
    if (host_.layout == CgroupLayout::kV2) {
      plan_.device_program = device_program(filter);
      return {};
    }
    const std::string directory = directory_of("devices");
    if (directory.empty()) {
      return fail("/linux/resources/devices",
                  "no devices controller is mounted, so devices cannot be kept away",
                  "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
    }
    SRT_ASSIGN(const auto writes, device_writes(filter));
    for (const DeviceWrite& write : writes) {
      const bool added_by_us = write.pointer.empty() && write.allow;
      plan_.writes.push_back({directory + (write.allow ? "/devices.allow" : "/devices.deny"),
                              write.value, added_by_us ? "/linux/resources/devices" : write.pointer,
                              added_by_us});
    }
    return {};
  }

  CgroupPlan take() { return std::move(plan_); }

 private:
  // Empty: there is none that can be written.
  std::string directory_of(const std::string& controller) const {
    const auto& have = host_.controllers;
    const bool known = controller.empty() || !versions_.v2 ||
                       std::find(have.begin(), have.end(), controller) != have.end();
    return known ? cgroup_directory(plan_.directories, controller, versions_) : "";
  }

  tl::unexpected<Error> no_place(const CgroupLimit& limit) const {
    const auto& have = host_.controllers;
    if (std::find(have.begin(), have.end(), limit.controller) == have.end()) {
      return fail(limit.pointer, "this host has no " + limit.controller + " controller",
                  "mount it, or leave the limit out");
    }
    return fail(limit.pointer,
                "no cgroup with the " + limit.controller +
                    " controller is writable, so the limit cannot be set",
                kDelegate);
  }

  const CgroupHost& host_;
  const CgroupVersions versions_;
  const bool is_host_root_;
  CgroupPlan plan_;
};

}  // namespace

Result<CgroupPlan> plan_cgroup(const CgroupHost& host, const std::string& id,
                               const std::string& cgroups_path, const oci::Resources* resources,
                               bool is_host_root, std::optional<ScopePlan> scope) {
  Planner planner(host, is_host_root);
  if (scope) {
    SRT_TRY(planner.within(*std::move(scope)));
  } else {
    SRT_TRY(planner.directories(id, cgroups_path));
  }
  SRT_TRY(planner.devices(resources));
  if (resources) SRT_TRY(planner.limits(*resources));
  return planner.take();
}

void leave_out_unused(CgroupPlan& plan) {
  if (!plan.directories.contains("") && !plan.directories.contains("freezer")) return;
  const auto is_unused = [&](const auto& hierarchy) {
    const std::string& directory = hierarchy.second;
    if (hierarchy.first.empty() || hierarchy.first == "freezer") return false;  // cgroup_signal.cc
    return std::none_of(plan.writes.begin(), plan.writes.end(), [&](const CgroupWrite& write) {
      return is_at_or_below(write.file, directory);
    });
  };
  std::erase_if(plan.directories, is_unused);
}

}  // namespace srt::platform
