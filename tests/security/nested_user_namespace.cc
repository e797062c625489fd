// What root of a user namespace made inside the container can undo of the container's own walls.
// Prints `ALLOWED what` for each wall that gave way, `nested` when the attempts were made at all.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

void write_file(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, text.data(), text.size()) < 0) std::perror(path);
  close(fd);
}

void attempt(const char* what, int result) {
  if (result == 0) std::printf("ALLOWED %s\n", what);
}

void undo_walls(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) attempt("unmounting a mask", umount2(argv[i], MNT_DETACH));
  attempt("remounting /proc/sys read-write",
          mount(nullptr, "/proc/sys", nullptr, MS_REMOUNT | MS_BIND, nullptr));
  attempt("remounting /sys read-write",
          mount(nullptr, "/sys", nullptr, MS_REMOUNT | MS_BIND, nullptr));
  mkdir("/tmp/fresh", 0700);
  attempt("a fresh proc without masks", mount("proc", "/tmp/fresh", "proc", 0, nullptr));
  attempt("a fresh sysfs without masks", mount("sysfs", "/tmp/fresh", "sysfs", 0, nullptr));
  attempt("a non-recursive bind of /proc", mount("/proc", "/tmp/fresh", nullptr, MS_BIND, nullptr));
  const int sysctl = open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC);
  attempt("opening core_pattern for writing", sysctl >= 0 ? 0 : -1);
  attempt("a block device node", mknod("/tmp/disk", S_IFBLK | 0600, makedev(8, 0)));
  attempt("a device node of /dev/mem", mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1)));
}

}  // namespace

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IONBF, 0);
  const std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) != 0) {
    std::printf("refused %s\n", strerrorname_np(errno));
    return 0;
  }
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 " + uid + " 1");
  write_file("/proc/self/gid_map", "0 " + gid + " 1");
  const pid_t child = fork();  // the pid namespace is the child's
  if (child == 0) {
    std::puts("nested");
    undo_walls(argc, argv);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  return 0;
}
