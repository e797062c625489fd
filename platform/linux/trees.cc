#include "platform/linux/trees.h"

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/linux/id_maps.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/namespaces.h"

namespace srt::platform {
namespace {

Result<UniqueFd> clone_tree(const std::string& object, const std::string& path, bool recursive) {
  UniqueFd fd(open_tree(AT_FDCWD, path.c_str(),
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u)));
  if (!fd) return fail_errno(object, "bind source " + path);
  return fd;
}

// A user namespace with these mappings, kept alive by its descriptor alone: a child makes it, waits
// for the maps and is ended.
Result<UniqueFd> make_mapping(const std::string& pointer, const std::vector<oci::IdMapping>& uids,
                              const std::vector<oci::IdMapping>& gids) {
  int ready[2], finish[2];
  if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(finish, O_CLOEXEC) != 0) return fail_errno("pipe", "");
  UniqueFd ready_read(ready[0]), finish_write(finish[1]);
  pid_t pid = fork();
  if (pid < 0) return fail_errno("process", "fork");
  if (pid == 0) {
    close(finish[1]);
    char byte = unshare(CLONE_NEWUSER) == 0 ? 'y' : 'n';
    (void)!write(ready[1], &byte, 1);
    (void)!read(finish[0], &byte, 1);  // until the runtime has what it wants, or died
    _exit(0);
  }
  close(ready[1]);
  close(finish[0]);
  char byte = 'n';
  (void)sys::retry([&] { return read(ready[0], &byte, 1); });
  Result<void> mapped = byte == 'y' ? write_id_maps({MapWriter::kRuntime, uids, gids, "", ""}, pid)
                                    : fail(pointer, "no user namespace for its id mappings");
  std::string path = "/proc/" + std::to_string(pid) + "/ns/user";
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  finish_write.reset();
  sys::retry([&] { return waitpid(pid, nullptr, 0); });
  if (!mapped) return fail(pointer, mapped.error().why);
  if (!fd) return fail_errno(pointer, path);
  return fd;
}

Result<UniqueFd> open_mapping(const std::string& pointer, const IdmapPlan& plan) {
  if (plan.user_namespace.empty()) return make_mapping(pointer, plan.uids, plan.gids);
  return open_namespace(pointer.c_str(), plan.user_namespace);
}

Result<void> idmap(const std::string& pointer, int tree, int user_namespace, bool recursive) {
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<uint64_t>(user_namespace);
  if (mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u), &attr,
                    sizeof attr) != 0) {
    return fail_errno(pointer, "idmapped mount (not every filesystem can)");
  }
  return {};
}

}  // namespace

Result<EarlyTrees> make_early_trees(const Plan::Content& plan, init::InitPlan<wire::Owned>& init) {
  EarlyTrees trees;
  if (init.passthrough) return trees;
  trees.mounts.resize(init.mounts.size());
  trees.idmaps.resize(init.mounts.size());
  if (plan.clone_trees_early) {
    SRT_ASSIGN(trees.rootfs, clone_tree("/root/path", init.rootfs, true));
    init.rootfs_tree = trees.rootfs.get();
  }
  for (size_t i = 0; i < init.mounts.size(); ++i) {
    auto& mount = init.mounts[i];
    if (mount.kind != init::MountKind::kBind) continue;
    if (plan.clone_trees_early && !mount.of_container) {
      SRT_ASSIGN(trees.mounts[i], clone_tree(mount.pointer, mount.source, mount.recursive));
      mount.tree = trees.mounts[i].get();
    }
    if (!plan.idmaps[i].wanted()) continue;
    SRT_ASSIGN(UniqueFd user, open_mapping(mount.pointer, plan.idmaps[i]));
    if (mount.tree >= 0) {
      SRT_TRY(idmap(mount.pointer, mount.tree, user.get(), plan.idmaps[i].recursive));
      continue;
    }
    mount.idmap = user.get();
    mount.recursive_idmap = plan.idmaps[i].recursive;
    trees.idmaps[i] = std::move(user);
  }
  return trees;
}

}  // namespace srt::platform
