#include "platform/linux/plan_cgroup_mounts.h"

#include <sys/mount.h>

#include <filesystem>

namespace srt::platform {
namespace {

using init::MountKind;
using Mount = init::Mount<wire::Owned>;

void append(Draft& draft, Mount mount) {
  draft.plan.init.mounts.push_back(std::move(mount));
  draft.plan.idmaps.emplace_back();
}

// The container's directory in a hierarchy, or the runtime's own where none is made for it.
std::string own_directory(const Draft& draft, const CgroupHierarchy& hierarchy) {
  auto made = draft.plan.cgroup.directories.find(hierarchy.controllers);
  if (made != draft.plan.cgroup.directories.end()) return made->second;
  return hierarchy.own == "/" ? hierarchy.mount_point : hierarchy.mount_point + hierarchy.own;
}

Mount bind_of(const Mount& like, std::string destination, std::string source) {
  Mount mount = like;
  mount.kind = MountKind::kBind;
  mount.type = "bind";
  mount.destination = std::move(destination);
  mount.source = std::move(source);
  mount.recursive = true;
  mount.late_readonly = false;
  mount.data.clear();
  return mount;
}

bool may_mount_afresh(const Draft& draft) {
  // The kernel wants the cgroup namespace to belong to the mounter's user namespace.
  return (draft.plan.unshare & CLONE_NEWCGROUP) != 0;
}

void plan_unified(Draft& draft, const CgroupHierarchy& hierarchy, const Mount& like) {
  if (!may_mount_afresh(draft)) {
    append(draft, bind_of(like, like.destination, own_directory(draft, hierarchy)));
    return;
  }
  Mount mount = like;
  mount.kind = MountKind::kFilesystem;
  mount.type = "cgroup2";
  mount.source = "cgroup2";
  append(draft, mount);
}

// "cpu,cpuacct" is mounted once, and each of its controllers found under its own name.
void link_controllers(Draft& draft, const std::string& folder, const std::string& controllers,
                      const std::string& mounted_as) {
  size_t start = 0;
  while (start <= controllers.size()) {
    size_t end = std::min(controllers.find(',', start), controllers.size());
    std::string one = controllers.substr(start, end - start);
    if (one != mounted_as) draft.plan.init.symlinks.push_back({folder + "/" + one, mounted_as});
    start = end + 1;
  }
}

}  // namespace

Result<void> plan_cgroup_mounts(Draft& draft, const MountOptions& options, const Mount& mount) {
  const CgroupHost& host = draft.host.cgroup;
  if (host.layout == CgroupLayout::kNone) {
    return fail(mount.pointer, "this host has no cgroup hierarchy mounted", "leave the mount out");
  }
  bool readonly = (options.set & MOUNT_ATTR_RDONLY) != 0;
  if (host.layout == CgroupLayout::kV2) {
    plan_unified(draft, host.hierarchies.front(), mount);
    return {};
  }
  if (mount.type == "cgroup2") {
    for (const CgroupHierarchy& hierarchy : host.hierarchies) {
      if (!hierarchy.controllers.empty()) continue;
      plan_unified(draft, hierarchy, mount);
      return {};
    }
    return fail(mount.pointer, "this host has no cgroup2 hierarchy", "use type \"cgroup\"");
  }

  Mount folder = mount;
  folder.kind = MountKind::kFilesystem;
  folder.type = "tmpfs";
  folder.source = "tmpfs";
  folder.data = {"mode=755"};
  folder.propagation.clear();
  folder.late_readonly = readonly;
  append(draft, folder);

  for (const CgroupHierarchy& hierarchy : host.hierarchies) {
    std::string name = std::filesystem::path(hierarchy.mount_point).filename().string();
    std::string destination = mount.destination + "/" + name;
    if (hierarchy.controllers.empty()) {
      Mount unified = mount;
      unified.destination = destination;
      plan_unified(draft, hierarchy, unified);
      continue;
    }
    if (!may_mount_afresh(draft)) {
      append(draft, bind_of(mount, destination, own_directory(draft, hierarchy)));
    } else {
      Mount afresh = mount;
      afresh.kind = MountKind::kFilesystem;
      afresh.type = "cgroup";
      afresh.source = "cgroup";
      afresh.destination = destination;
      bool named = hierarchy.controllers.rfind("name=", 0) == 0;
      if (named) afresh.data.push_back("none");
      size_t start = 0;
      const std::string& list = hierarchy.controllers;
      while (start <= list.size()) {
        size_t end = std::min(list.find(',', start), list.size());
        afresh.data.push_back(list.substr(start, end - start));
        start = end + 1;
      }
      append(draft, afresh);
    }
    if (hierarchy.controllers.find(',') != std::string::npos) {
      link_controllers(draft, mount.destination, hierarchy.controllers, name);
    }
  }
  return {};
}

}  // namespace srt::platform
