// The mounts of a rootfs of its own: config.json's list as steps for srt-init.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "platform/linux/draft.h"
#include "platform/linux/mount_options.h"
#include "platform/linux/plan_cgroup_mounts.h"

namespace srt::platform {
namespace {

using init::MountKind;
using Mount = init::Mount<wire::Owned>;

std::string clean(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

bool is_group_mapped(const Draft& draft, uint32_t gid) {
  for (const oci::IdMapping& mapping : draft.plan.user.gids) {
    if (gid >= mapping.container_id && gid - mapping.container_id < mapping.size) return true;
  }
  if (draft.plan.user.writer != MapWriter::kNobody) return false;
  if (draft.host.initial_user_namespace) return true;
  auto map = read_file("/proc/self/gid_map");
  if (!map) return false;
  uint64_t inside = 0, outside = 0, size = 0;
  for (const char* at = map->c_str(); sscanf(at, "%lu %lu %lu", &inside, &outside, &size) == 3;) {
    if (gid >= inside && gid - inside < size) return true;
    at = strchr(at, '\n');
    if (at == nullptr || *++at == '\0') break;
  }
  return false;
}

// One option string may hold several parameters, as for mount(2).
void split_parameters(const std::string& option, std::vector<std::string>& out) {
  size_t start = 0;
  for (size_t i = 0; i <= option.size(); ++i) {
    bool separator = i == option.size() || (option[i] == ',' && (i == 0 || option[i - 1] != '\\'));
    if (!separator) continue;
    if (i > start) out.push_back(option.substr(start, i - start));
    start = i + 1;
  }
}

// Everything but these stands on files of the host: an image, a device, the layers of an overlay.
// Its paths mean the host's, and its superblock must be told "ro" (a read-only image refuses more).
bool stands_on_host_paths(const std::string& type) {
  constexpr std::string_view kVirtual[] = {"tmpfs",  "proc",   "sysfs",  "mqueue",
                                           "devpts", "cgroup", "cgroup2"};
  return std::find(std::begin(kVirtual), std::end(kVirtual), type) == std::end(kVirtual);
}

// What `path` is called from inside the rootfs, if the host's name for it leads there.
std::optional<std::string> below(const std::string& rootfs, const std::string& path) {
  if (path == rootfs) return "/";
  if (path.size() > rootfs.size() && path[rootfs.size()] == '/' && path.rfind(rootfs, 0) == 0) {
    return path.substr(rootfs.size());
  }
  return {};
}

// As config.json spells the rootfs, and as the kernel does.
struct RootfsNames {
  std::string given, real;
  std::optional<std::string> inside(const std::string& path) const {
    auto found = below(given, path);
    return found ? found : below(real, path);
  }
};

// A part of the rootfs that mounts before this one have changed.
bool shows_earlier_mounts(const Draft& draft, const std::string& inside, bool recursive) {
  return std::any_of(draft.plan.init.mounts.begin(), draft.plan.init.mounts.end(),
                     [&](const Mount& earlier) {
                       return below(earlier.destination, inside) || inside == "/" ||
                              (recursive && below(inside, earlier.destination));
                     });
}

void apply_options(const MountOptions& options, Mount& mount) {
  mount.set = options.set;
  mount.clear = options.clear;
  mount.recursive_set = options.recursive_set;
  mount.recursive_clear = options.recursive_clear;
  mount.propagation = options.propagation;
}

bool shares_with_host(const Draft& draft) {
  auto propagation = draft.os().rootfs_propagation;
  return !draft.in_user_namespace() && propagation &&
         (*propagation == oci::Propagation::kShared || *propagation == oci::Propagation::kRshared);
}

Result<Mount> plan_bind(Draft& draft, const oci::Mount& entry, const MountOptions& options,
                        const RootfsNames& rootfs, Mount mount) {
  mount.kind = MountKind::kBind;
  mount.recursive = options.recursive_bind;
  std::filesystem::path source = entry.source.value_or("");
  if (source.empty()) return fail(mount.pointer + "/source", "a bind mount needs one");
  if (source.is_relative()) source = std::filesystem::path(draft.bundle.dir) / source;
  mount.source = source.string();
  // runc and crun mount in the host's tree, where a source may lie on a mount that the list made.
  if (auto inside = rootfs.inside(clean(mount.source));
      inside && shows_earlier_mounts(draft, *inside, mount.recursive)) {
    mount.source = *inside;
    mount.of_container = true;
    return mount;
  }
  struct stat st;
  if (stat(mount.source.c_str(), &st) != 0) {
    return fail_errno(mount.pointer + "/source", "bind mount source " + mount.source);
  }
  bool shared = std::any_of(options.propagation.begin(), options.propagation.end(),
                            [](const init::Propagation& p) { return p.type == MS_SHARED; });
  mount.keep_peers = shared && shares_with_host(draft);
  return mount;
}

Result<Mount> plan_filesystem(Draft& draft, const oci::Mount& entry, const MountOptions& options,
                              Mount mount) {
  mount.kind = MountKind::kFilesystem;
  mount.source = entry.source.value_or("");
  if (mount.source.empty()) mount.source = mount.type;
  mount.copy_up = options.copy_up;
  if (options.copy_up && mount.type != "tmpfs") {
    return fail(mount.pointer + "/options",
                "tmpcopyup is for tmpfs only, the type is " + mount.type);
  }
  for (const std::string& option : options.data) split_parameters(option, mount.data);
  bool readonly = (options.set & MOUNT_ATTR_RDONLY) != 0;
  mount.late_readonly = readonly && mount.type == "tmpfs";
  if (readonly && stands_on_host_paths(mount.type)) mount.data.push_back("ro");
  if (mount.type == "devpts") {
    auto unmapped = [&](const std::string& parameter) {
      return parameter.rfind("gid=", 0) == 0 &&
             !is_group_mapped(draft,
                              static_cast<uint32_t>(strtoul(parameter.c_str() + 4, nullptr, 10)));
    };
    size_t removed = std::erase_if(mount.data, unmapped);
    if (removed > 0) {
      draft.plan.notes.push_back(mount.pointer +
                                 "/options: gid= is left out, the group is not mapped");
    }
  }
  return mount;
}

Result<void> note_idmap(Draft& draft, const oci::Mount& entry, const MountOptions& options,
                        const std::string& pointer) {
  IdmapPlan idmap{oci::items(entry.uid_mappings), oci::items(entry.gid_mappings), "",
                  options.recursive_idmap};
  if (options.idmap && idmap.uids.empty()) {
    const oci::Namespace* user = draft.listed(oci::NamespaceType::kUser);
    if (user == nullptr) {
      return fail(pointer + "/options", "idmap without uidMappings needs a user namespace",
                  "give the mount uidMappings and gidMappings");
    }
    if (draft.is_new(oci::NamespaceType::kUser)) {
      idmap.uids = draft.plan.user.uids;
      idmap.gids = draft.plan.user.gids;
    } else {
      idmap.user_namespace = *user->path;
    }
  }
  if (idmap.wanted() && !draft.host.root) {
    return fail(pointer, "idmapped mounts need root of the initial user namespace");
  }
  if (idmap.wanted() && draft.in_user_namespace() && draft.plan.init.mounts.back().of_container) {
    return fail(pointer, "what another mount brought cannot be idmapped in a user namespace",
                "name the source by a path outside the rootfs");
  }
  draft.plan.idmaps.push_back(std::move(idmap));
  return {};
}

Result<void> plan_mount(Draft& draft, const oci::Mount& entry, const RootfsNames& rootfs,
                        const std::string& pointer) {
  MountOptions options = parse_mount_options(oci::items(entry.options));
  Mount mount;
  mount.pointer = pointer;
  mount.destination = clean(entry.destination);
  // As runc: the host's path of a place in the rootfs means that place.
  if (auto inside = rootfs.inside(mount.destination)) mount.destination = *inside;
  mount.type = entry.type.value_or("");
  if (mount.destination == "/") {
    return fail(pointer + "/destination", "\"/\" would hide the whole rootfs",
                "set root.path instead");
  }
  apply_options(options, mount);
  bool bind = options.bind || mount.type == "bind";
  // runc and crun: a type of "bind" without an option is a plain bind.
  if (options.remount) {
    mount.kind = MountKind::kRemount;
  } else if (bind) {
    SRT_ASSIGN(mount, plan_bind(draft, entry, options, rootfs, std::move(mount)));
  } else if (mount.type == "cgroup" || mount.type == "cgroup2") {
    if (!oci::items(entry.uid_mappings).empty() || options.idmap) {
      return fail(pointer, "a cgroup mount cannot be idmapped");
    }
    return plan_cgroup_mounts(draft, options, mount);
  } else if (mount.type.empty()) {
    return fail(pointer + "/type", "is needed for a mount that is no bind");
  } else {
    SRT_ASSIGN(mount, plan_filesystem(draft, entry, options, std::move(mount)));
  }
  bool mapped = options.idmap || !oci::items(entry.uid_mappings).empty();
  if (mapped && !bind) return fail(pointer, "only bind mounts can be idmapped here");
  draft.plan.init.mounts.push_back(std::move(mount));
  return note_idmap(draft, entry, options, pointer);
}

uint64_t propagation_flag(oci::Propagation propagation) {
  switch (propagation) {
    case oci::Propagation::kPrivate:
    case oci::Propagation::kRprivate: return MS_PRIVATE;
    case oci::Propagation::kShared:
    case oci::Propagation::kRshared: return MS_SHARED;
    case oci::Propagation::kSlave:
    case oci::Propagation::kRslave: return 0;  // it is one already
    case oci::Propagation::kUnbindable:
    case oci::Propagation::kRunbindable: return MS_UNBINDABLE;
  }
  return 0;
}

}  // namespace

Result<void> plan_mounts(Draft& draft) {
  auto& init = draft.plan.init;
  const oci::Root& root = *draft.spec().root;
  std::filesystem::path rootfs = root.path;
  if (rootfs.is_relative()) rootfs = std::filesystem::path(draft.bundle.dir) / rootfs;
  std::error_code error;
  std::filesystem::path real = std::filesystem::canonical(rootfs, error);
  if (error) {
    return fail_errno("/root/path", rootfs.string(), error.value(),
                      "put the root filesystem there");
  }
  struct stat st;
  if (stat(real.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
    return fail("/root/path", real.string() + " is not a directory");
  }
  init.rootfs = real.string();
  const RootfsNames names{clean(rootfs.string()), init.rootfs};
  bool host_tree = !oci::items(draft.spec().hooks.value_or(oci::Hooks{}).create_container).empty();
  // createContainer hooks look for the container's mounts below the rootfs' path on the host.
  init.rootfs_at = host_tree ? init.rootfs : "/rootfs";
  init.root_readonly = root.readonly.value_or(false);
  size_t index = 0;
  for (const oci::Mount& entry : oci::items(draft.spec().mounts)) {
    SRT_TRY(plan_mount(draft, entry, names, "/mounts/" + std::to_string(index++)));
  }
  if (auto propagation = draft.os().rootfs_propagation) {
    init.root_propagation = propagation_flag(*propagation);
    init.root_propagation_recursive = *propagation == oci::Propagation::kRprivate ||
                                      *propagation == oci::Propagation::kRshared ||
                                      *propagation == oci::Propagation::kRunbindable;
  }
  for (const std::string& path : oci::items(draft.os().masked_paths)) {
    const bool twice = std::find(init.masked.begin(), init.masked.end(), path) != init.masked.end();
    if (!twice) init.masked.push_back(path);
  }
  init.readonly = oci::items(draft.os().readonly_paths);
  // Host root may see what the container's root may not: its trees are cloned before the fork.
  draft.plan.clone_trees_early = draft.host.root && draft.in_user_namespace();
  return {};
}

}  // namespace srt::platform
