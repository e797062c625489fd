#include "platform/linux/init/mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/copy_tree.h"
#include "platform/linux/init/filesystem.h"
#include "platform/linux/init/memory.h"
#include "platform/linux/init/mount_descriptor.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/rootfs_path.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

// In a user namespace the kernel refuses to clear what a more privileged mount namespace set: the
// mount then stays stricter than asked for, as with runc.
bool set_or_stay_stricter(int mount, unsigned flags, uint64_t set, uint64_t clear) {
  if (set == 0 && clear == 0) return true;
  if (set_attributes(mount, flags, set, clear, 0)) return true;
  return errno == EPERM && clear != 0 && set_attributes(mount, flags, set, 0, 0);
}

int clone_tree(std::string_view object, const char* path, bool recursive) {
  int fd = open_tree(AT_FDCWD, path,
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u));
  if (fd < 0) die(object, Line() << "bind source " << path);
  return fd;
}

// CVE-2025-31133: the mask is the host's null device and nothing that a rootfs put in its place. Read-only, as all
// nodes of the host are: `chmod 600 /proc/keys` by root inside took /dev/null from everybody outside. A device is
// written to all the same.
int clone_null() {
  const int null = clone_tree("mask", "/dev/null", false);
  if (!set_attributes(null, 0, MOUNT_ATTR_RDONLY, 0, 0)) die("mask", "make it read-only");
  struct stat st;
  if (fstat(null, &st) != 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
    die("mask", "the host's /dev/null is not the null device", 0);
  }
  return null;
}

// CVE-2019-16884, CVE-2025-52881: a mount inside procfs redirects what we or LSMs write there, so
// only the files that lxcfs and its like replace may be covered.
bool may_cover_procfs(std::string_view destination) {
  constexpr std::string_view kAllowed[] = {"/proc/cpuinfo",
                                           "/proc/diskstats",
                                           "/proc/meminfo",
                                           "/proc/stat",
                                           "/proc/swaps",
                                           "/proc/uptime",
                                           "/proc/loadavg",
                                           "/proc/slabinfo",
                                           "/proc/net/dev",
                                           "/proc/sys/kernel/ns_last_pid",
                                           "/proc/sys/crypto/fips_enabled"};
  for (std::string_view allowed : kAllowed) {
    if (destination == allowed) return true;
  }
  return false;
}

bool is_on(int fd, long magic) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && fs.f_type == magic;
}

// Where `mount` goes: opened below `root`, made if missing, never a place where it could do harm.
int open_destination(const Mount<Viewed>& mount, int root, bool directory) {
  if (mount.type == "proc" || mount.type == "sysfs") {
    // CVE-2019-19921, CVE-2023-27561: /proc as a symlink leads later writes astray.
    std::string_view name;
    int parent = open_parent_in_root(root, mount.destination, &name);
    struct stat st;
    if (parent >= 0 && fstatat(parent, name.data(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISDIR(st.st_mode)) {
      die(mount.pointer,
          Line() << mount.type << " must be mounted on ordinary directory: " << mount.destination,
          0);
    }
    close(parent);
  }
  int fd = open_or_make_in_root(root, mount.destination,
                                directory ? Missing::kDirectory : Missing::kFile);
  // So procfs answers where a name is to be made.
  const bool no_such_file = fd < 0 && errno == ENOENT && mount.destination.substr(0, 6) == "/proc/";
  if (fd < 0 && !no_such_file) die(mount.pointer, Line() << "mount point " << mount.destination);
  // A procfs as a whole, over the one that bwrap left, redirects nothing.
  const bool own_procfs = mount.type == "proc" && mount.destination == "/proc";
  if (no_such_file ||
      (!own_procfs && is_on(fd, PROC_SUPER_MAGIC) && !may_cover_procfs(mount.destination))) {
    die(mount.pointer,
        Line() << mount.destination << " is inside procfs, which must not be covered", 0);
  }
  return fd;
}

void finish_mount(const Mount<Viewed>& mount, int tree) {
  uint64_t set = mount.set, clear = mount.clear;
  if (mount.late_readonly) set &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
  if (!set_or_stay_stricter(tree, 0, set, clear) ||
      !set_or_stay_stricter(tree, AT_RECURSIVE, mount.recursive_set, mount.recursive_clear)) {
    die(mount.pointer, Line() << "options of " << mount.destination);
  }
  for (const Propagation& change : mount.propagation) {
    if (!set_attributes(tree, change.recursive ? AT_RECURSIVE : 0u, 0, 0, change.type)) {
      die(mount.pointer, Line() << "propagation of " << mount.destination);
    }
  }
}

void show_other_ids(const Mount<Viewed>& mount, int tree) {
  if (mount.idmap < 0) return;
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<uint64_t>(mount.idmap);
  const unsigned flags = AT_EMPTY_PATH | (mount.recursive_idmap ? AT_RECURSIVE : 0u);
  if (mount_setattr(tree, "", flags, &attr, sizeof attr) != 0) {
    die(mount.pointer, "idmapped mount (not every filesystem can)");
  }
}

void attach(const Mount<Viewed>& mount, int tree, int destination) {
  // CVE-2019-16884: a made-up /proc answers as its maker likes to whoever asks who and what confines him.
  if (mount.destination == "/proc" && !is_on(tree, PROC_SUPER_MAGIC)) {
    die(mount.pointer, "/proc must be a procfs", 0);
  }
  if (move_mount(tree, "", destination, "", kOnDescriptors) != 0) {
    die(mount.pointer, Line() << "attach to " << mount.destination);
  }
}

// CVE-2021-30465: whatever links the container's tree holds, the source stays within it.
int clone_of_container(const Mount<Viewed>& mount, int root) {
  int at = open_in_root(root, mount.source.data());
  int tree = at < 0 ? -1
                    : open_tree(at, "",
                                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                    (mount.recursive ? AT_RECURSIVE : 0u));
  if (tree < 0) die(mount.pointer, Line() << "bind source in the container " << mount.source);
  close(at);
  show_other_ids(mount, tree);
  return tree;
}

void mount_bind(const Mount<Viewed>& mount, int tree, int root) {
  if (mount.of_container) tree = clone_of_container(mount, root);
  int destination = open_destination(mount, root, is_directory(tree));
  finish_mount(mount, tree);
  attach(mount, tree, destination);
  close(destination);
  close(tree);
}

// What a new mount has from its first moment on: the kernel compares it with what is in sight before
// it lets a user namespace have a procfs or sysfs of its own.
unsigned attributes_of(const Mount<Viewed>& mount) {
  uint64_t set = mount.set;
  if (mount.late_readonly) set &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
  return static_cast<unsigned>(set);
}

// As runc: a tmpfs for which no mode is given has that of the directory that it covers; else -1.
int covered_mode(const Mount<Viewed>& mount, int root) {
  if (mount.type != "tmpfs") return -1;
  for (std::string_view parameter : mount.data) {
    if (parameter.substr(0, 5) == "mode=") return -1;
  }
  int place = open_in_root(root, mount.destination.data());
  struct stat st;
  const bool there = place >= 0 && fstat(place, &st) == 0 && S_ISDIR(st.st_mode);
  if (place >= 0) close(place);
  return there ? static_cast<int>(st.st_mode & 07777) : -1;
}

int make_with_mode(const Mount<Viewed>& mount, int mode) {
  FixedText<16> parameter;
  if (mode >= 0) {
    parameter << "mode=";
    for (int shift = 9; shift >= 0; shift -= 3) {
      parameter << static_cast<uint64_t>(mode >> shift & 7);
    }
  }
  return make_filesystem(mount.pointer, mount.type, mount.source, mount.data, attributes_of(mount),
                         parameter.c_str());
}

int clone_bind(const Mount<Viewed>& mount) {
  int tree = mount.tree >= 0 ? static_cast<int>(mount.tree)
                             : clone_tree(mount.pointer, mount.source.data(), mount.recursive);
  show_other_ids(mount, tree);
  // Not a peer of the host: what is mounted below must not appear there.
  if (!mount.keep_peers && !set_attributes(tree, AT_RECURSIVE, 0, 0, MS_SLAVE)) {
    die(mount.pointer, Line() << "make " << mount.source << " a slave");
  }
  return tree;
}

// sysfs shows a network namespace, mqueue an ipc one, cgroup its own; of others we do not know.
bool shows_a_namespace(const Mount<Viewed>& mount) {
  if (mount.kind != MountKind::kFilesystem) return false;
  return mount.type != "proc" && mount.type != "tmpfs" && mount.type != "devpts" &&
         mount.type != "overlay";
}

void mount_filesystem(const Mount<Viewed>& mount, int tree, int mode, int root) {
  // A mount before this one may have changed the directory that it covers.
  if (const int mode_now = covered_mode(mount, root); mode_now != mode) {
    close(tree);
    tree = make_with_mode(mount, mode_now);
  }
  int destination = open_destination(mount, root, true);
  if (mount.copy_up) copy_tree(mount.pointer, destination, tree);
  finish_mount(mount, tree);
  attach(mount, tree, destination);
  close(destination);
  close(tree);
}

void remount(const Mount<Viewed>& mount, int root) {
  int at = open_in_root(root, mount.destination.data());
  if (at < 0) die(mount.pointer, Line() << "remount " << mount.destination);
  finish_mount(mount, at);
  close(at);
}

}  // namespace

Trees clone_trees(const Plan& plan) {
  Trees trees;
  trees.mounts = take_array<int>(plan.mounts.size());
  trees.modes = take_array<int>(plan.mounts.size());
  trees.devices = take_array<int>(plan.devices.size());
  // An own mount namespace, owned by our user namespace: only there may we clone.
  if (plan.own_mounts_first && unshare(CLONE_NEWNS) != 0) die("mount namespace", "unshare");
  if (!plan.passthrough) {
    trees.rootfs = plan.rootfs_tree >= 0 ? static_cast<int>(plan.rootfs_tree)
                                         : clone_tree("/root/path", plan.rootfs.data(), true);
  }
  if (!plan.masked.empty()) trees.null = clone_null();
  if (plan.file_rules) trees.unreadable = clone_null();
  size_t i = 0;
  for (const Device<Viewed>& device : plan.devices) {
    int& tree = trees.devices[i++];
    tree = -1;
    if (!device.bind) continue;
    tree = clone_tree(device.pointer, device.path.data(), false);
    struct stat st;
    if (fstat(tree, &st) != 0) die(device.pointer, device.path);
    if (!(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) ||
        st.st_rdev !=
            makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor))) {
      die(device.pointer,
          Line() << "the host's " << device.path << " is not device " << device.major << ":"
                 << device.minor,
          0);
    }
    // As runc and crun: a node is neither a program nor gives rights. Nor is the host's one changed, its mode say.
    if (!set_attributes(tree, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, 0)) {
      die(device.pointer, Line() << "options of " << device.path);
    }
  }
  return trees;
}

void make_mounts(const Plan& plan, Trees& trees, MountsToMake which) {
  size_t i = 0;
  for (const Mount<Viewed>& mount : plan.mounts) {
    if (i++ < trees.made) continue;
    if (which == MountsToMake::kIndependent && shows_a_namespace(mount)) return;
    ++trees.made;
    int& tree = trees.mounts[i - 1];
    tree = -1;
    switch (mount.kind) {
      case MountKind::kBind:
        if (!mount.of_container) tree = clone_bind(mount);
        break;
      case MountKind::kFilesystem: {
        int& mode = trees.modes[i - 1];
        mode = covered_mode(mount, trees.rootfs);
        tree = make_with_mode(mount, mode);
        break;
      }
      case MountKind::kRemount: break;
    }
  }
}

int attach_rootfs(const Plan& plan, const Trees& trees) {
  if (plan.passthrough) {
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) die("/root/path", "open /");
    return root;
  }
  if (!set_attributes(trees.rootfs, AT_RECURSIVE, 0, 0, MS_SLAVE)) {
    die("/root/path", "make it a slave of the host's mounts");
  }
  int place = open(plan.rootfs_at.data(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) die("/root/path", Line() << "place for the rootfs at " << plan.rootfs_at);
  if (move_mount(trees.rootfs, "", place, "", kOnDescriptors) != 0) {
    die("/root/path", Line() << "attach to " << plan.rootfs_at);
  }
  close(place);
  return trees.rootfs;
}

void mount_all(const Plan& plan, const Trees& trees, int root) {
  size_t i = 0;
  for (const Mount<Viewed>& mount : plan.mounts) {
    switch (mount.kind) {
      case MountKind::kBind: mount_bind(mount, trees.mounts[i], root); break;
      case MountKind::kFilesystem:
        mount_filesystem(mount, trees.mounts[i], trees.modes[i], root);
        break;
      case MountKind::kRemount: remount(mount, root); break;
    }
    ++i;
  }
}

void seal_late_readonly(const Plan& plan, int root) {
  for (const Mount<Viewed>& mount : plan.mounts) {
    if (!mount.late_readonly) continue;
    int at = open_in_root(root, mount.destination.data());
    if (at < 0 || !set_attributes(at, 0, MOUNT_ATTR_RDONLY, 0, 0)) {
      die(mount.pointer, Line() << "make " << mount.destination << " read-only");
    }
    close(at);
  }
  for (std::string_view place : plan.sealed) {
    const int at = open_in_root(root, place.data());
    if (at < 0 && errno == ENOENT && place == "/dev/console")
      continue;  // there with a terminal only
    if (at < 0 || !set_attributes(at, 0, MOUNT_ATTR_RDONLY, 0, 0)) {
      die("/mounts", Line() << "make " << place << " read-only");
    }
    close(at);
  }
}

// Puts one more mount's number where it belongs; false: it is there. They mostly come in order.
static bool add_sorted(uint64_t* numbers, size_t count, uint64_t number) {
  size_t at = count;
  for (; at > 0 && numbers[at - 1] > number; --at) numbers[at] = numbers[at - 1];
  numbers[at] = number;
  return at == 0 || numbers[at - 1] != number;
}

// What stands there must be what was meant, and a mount, and another one at each place: one that was led elsewhere,
// by somebody who changes what names mean, is missing here, also where the name means the right thing by now.
void check_pinned(const Plan& plan, int root) {
  auto* const mounts = take_array<uint64_t>(plan.pinned.size());
  size_t count = 0;
  for (const Pinned<Viewed>& pinned : plan.pinned) {
    const char* path = pinned.path.data() + 1;  // below root; "" is root itself
    const int at =
        sys::openat2(root, *path == '\0' ? "." : path, O_PATH | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS);
    struct stat st;
    if (at < 0 && errno == ENOENT && pinned.hidden) continue;
    if (at < 0 || fstat(at, &st) != 0) die("/mounts", Line() << "look at " << pinned.path);
    struct statx info;
    if (syscall(SYS_statx, at, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0) {
      die("/mounts", Line() << "look at " << pinned.path);
    }
    const bool same = st.st_dev == pinned.device && st.st_ino == pinned.inode;
    const bool mounted = (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    if (same == pinned.hidden || !mounted || !add_sorted(mounts, count++, info.stx_mnt_id)) {
      die("/mounts", Line() << pinned.path << " was replaced while it was mounted", 0);
    }
    close(at);
  }
}

void seal_root(const Plan& plan, int root) {
  if (plan.root_readonly && !plan.passthrough &&
      !set_attributes(root, 0, MOUNT_ATTR_RDONLY, 0, 0)) {
    die("/root/readonly", "make the root read-only");
  }
  if (plan.root_propagation != 0 &&
      !set_attributes(root, plan.root_propagation_recursive ? AT_RECURSIVE : 0u, 0, 0,
                      plan.root_propagation)) {
    die("/linux/rootfsPropagation", "set it");
  }
}

}  // namespace srt::init
