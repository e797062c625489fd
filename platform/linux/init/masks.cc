#include "platform/linux/init/masks.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

#include "platform/linux/init/filesystem.h"
#include "platform/linux/init/mount_descriptor.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/rootfs_path.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

// What covers masked paths. A mount can be cloned only where it is attached, so the first path gets
// the mount itself and all others a clone of it.
struct Mask {
  int mount = -1;
  bool attached = false;

  int take() {
    if (attached) return open_tree(mount, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    attached = true;
    return mount;
  }
};

}  // namespace

void mask_paths(const Plan& plan, const Trees& trees, int root) {
  Mask null{trees.null};
  Mask empty;
  for (std::string_view path : plan.masked) {
    int at = open_in_root(root, path.data());
    if (at < 0 && (errno == ENOENT || errno == ENOTDIR)) continue;  // nothing to hide: /proc/kcore
    if (at < 0) die("/linux/maskedPaths", path);
    bool directory = is_directory(at);
    if (directory && empty.mount < 0) {
      empty.mount = make_filesystem(
          "/linux/maskedPaths", "tmpfs", "tmpfs", {},
          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    }
    int mask = (directory ? empty : null).take();
    if (mask < 0 || move_mount(mask, "", at, "", kOnDescriptors) != 0) {
      die("/linux/maskedPaths", Line() << "mask " << path);
    }
    if (mask != null.mount && mask != empty.mount) close(mask);
    close(at);
  }
  // A created container holds nothing open but what it waits for.
  if (null.mount >= 0) close(null.mount);
  if (empty.mount >= 0) close(empty.mount);
}

void protect_readonly_paths(const Plan& plan, int root) {
  for (std::string_view path : plan.readonly) {
    int at = open_in_root(root, path.data());
    if (at < 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
    if (at < 0) die("/linux/readonlyPaths", path);
    // What is mounted over the root is not seen by who stands in it. As runc: this mount, not those below.
    if (is_same(at, root)) {
      if (!set_attributes(root, 0, MOUNT_ATTR_RDONLY, 0, 0)) {
        die("/linux/readonlyPaths", "make the root read-only");
      }
      close(at);
      continue;
    }
    int tree =
        open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    if (tree < 0 || !set_attributes(tree, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0) ||
        move_mount(tree, "", at, "", kOnDescriptors) != 0) {
      die("/linux/readonlyPaths", Line() << "make " << path << " read-only");
    }
    close(tree);
    close(at);
  }
}

}  // namespace srt::init
