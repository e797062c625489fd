#include "platform/linux/init/console.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/report.h"
#include "platform/linux/init/rootfs_path.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

bool is_ptmx(int fd) {
  struct stat st;
  struct statfs fs;
  return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2) &&
         fstatfs(fd, &fs) == 0;
}

int open_ptmx(int root) {
  // The node inside devpts itself; /dev/ptmx is a link to it, or the host's node in passthrough.
  for (const char* path : {"dev/pts/ptmx", "dev/ptmx"}) {
    int fd =
        sys::openat2(root, path, O_RDWR | O_NOCTTY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 && is_ptmx(fd)) return fd;
    if (fd >= 0) close(fd);
  }
  return -1;
}

}  // namespace

Console open_console(const Process<Viewed>& process, int root) {
  Console console;
  console.master = open_ptmx(root);
  if (console.master < 0) {
    die("/process/terminal", "no devpts with a ptmx is mounted at /dev/pts", errno);
  }
  int unlock = 0;
  if (ioctl(console.master, TIOCSPTLCK, &unlock) != 0) die("/process/terminal", "unlock the pty");
  // Not by name: the name would be looked up in a tree that the container owns.
  console.slave = ioctl(console.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (console.slave < 0) die("/process/terminal", "open the pty's other side");
  struct statfs fs;
  if (fstatfs(console.slave, &fs) != 0 || fs.f_type != DEVPTS_SUPER_MAGIC) {
    die("/process/terminal", "the pty is not on devpts", 0);
  }
  termios modes;
  if (ioctl(console.master, TCGETS, &modes) == 0) {
    modes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);  // as runc does: the engine's side adds its own
    (void)ioctl(console.master, TCSETS, &modes);
  }
  if (process.console_height != 0 || process.console_width != 0) {
    winsize size{static_cast<unsigned short>(process.console_height),
                 static_cast<unsigned short>(process.console_width), 0, 0};
    if (ioctl(console.master, TIOCSWINSZ, &size) != 0) die("/process/consoleSize", "set it");
  }
  if (fchown(console.slave, static_cast<uid_t>(process.uid), static_cast<gid_t>(-1)) != 0 &&
      errno != EPERM && errno != EINVAL) {
    die("/process/terminal", "give the pty to the user");
  }
  return console;
}

void bind_console(int slave, int root) {
  // CVE-2025-52565: neither a link of that name nor a /dev that leads into procfs is followed.
  std::string_view name;
  int folder = open_parent_in_root(root, "/dev/console", &name);
  if (folder < 0) die("/process/terminal", "folder of /dev/console");
  int made = openat(folder, "console", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (made >= 0) close(made);
  int at = openat(folder, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;
  struct statfs fs;
  if (at < 0 || fstat(at, &st) != 0 || fstatfs(at, &fs) != 0) {
    die("/process/terminal", "mount point /dev/console");
  }
  if (!(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)) || fs.f_type == PROC_SUPER_MAGIC) {
    die("/process/terminal", "/dev/console is neither a file nor a device of the rootfs", 0);
  }
  close(folder);
  int tree = open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (tree < 0 ||
      move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    die("/process/terminal", "bind the pty to /dev/console");
  }
  close(tree);
  close(at);
}

void adopt_console(int slave) {
  if (ioctl(slave, TIOCSCTTY, 0) != 0) die("/process/terminal", "make it the controlling terminal");
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(slave, fd) < 0) die("/process/terminal", "use it for stdin, stdout and stderr");
  }
}

}  // namespace srt::init
