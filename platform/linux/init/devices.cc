#include "platform/linux/init/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "platform/linux/init/report.h"
#include "platform/linux/init/rootfs_path.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

void make_node(const Device<Viewed>& device, int root) {
  std::string_view name;
  int parent = open_parent_in_root(root, device.path, &name);
  if (parent < 0) die(device.pointer, Line() << "folder of " << device.path);
  auto number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
  auto mode = static_cast<mode_t>(device.mode);
  if (mknodat(parent, name.data(), mode, number) != 0) {
    if (errno != EEXIST) die(device.pointer, Line() << "mknod " << device.path);
    // Whatever a rootfs brought along under this name must not pass for the device.
    struct stat st;
    if (fstatat(parent, name.data(), &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        (st.st_mode & S_IFMT) != (mode & S_IFMT) || (!S_ISFIFO(mode) && st.st_rdev != number)) {
      die(device.pointer, Line() << device.path << " exists in the rootfs and is something else",
          0);
    }
  }
  // The umask does not apply to what config.json says. No link is followed: it is a node by now.
  if (fchownat(parent, name.data(), static_cast<uid_t>(device.uid), static_cast<gid_t>(device.gid),
               AT_SYMLINK_NOFOLLOW) != 0 ||
      fchmodat(parent, name.data(), mode & 07777, 0) != 0) {
    die(device.pointer, Line() << "owner and mode of " << device.path);
  }
  close(parent);
}

void bind_node(const Device<Viewed>& device, int tree, int root) {
  int at = open_or_make_in_root(root, device.path, Missing::kFile);
  if (at < 0) die(device.pointer, Line() << "mount point " << device.path);
  if (move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    die(device.pointer, Line() << "bind " << device.path);
  }
  close(at);
  close(tree);
}

}  // namespace

void make_devices(const Plan& plan, const Trees& trees, int root) {
  size_t i = 0;
  for (const Device<Viewed>& device : plan.devices) {
    int tree = trees.devices[i++];
    if (device.bind) {
      bind_node(device, tree, root);
    } else {
      make_node(device, root);
    }
  }
}

void make_symlinks(const Plan& plan, int root) {
  for (const Symlink<Viewed>& link : plan.symlinks) {
    std::string_view name;
    int parent = open_parent_in_root(root, link.path, &name);
    if (parent < 0) die(link.path, "folder of the link");
    if (symlinkat(link.target.data(), parent, name.data()) != 0 && errno != EEXIST) {
      die(link.path, Line() << "link to " << link.target);
    }
    close(parent);
  }
}

}  // namespace srt::init
