// What srt-monitor gives up before it looks at the first byte from inside.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/confine.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/process_info.h"
#include "platform/monitor.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "egress guard";

// A monitor that an attacker has taken over writes nowhere but into its own audit log (-1: nowhere). Kernels
// without Landlock leave it to the user id.
Result<void> write_only_below(int audit_dir) {
  constexpr uint64_t kWrites =
      LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
      LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
      LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
      LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_EXECUTE;
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = kWrites;
  UniqueFd ruleset(static_cast<int>(
      syscall(SYS_landlock_create_ruleset, &handled, sizeof handled.handled_access_fs, 0)));
  if (!ruleset) return {};
  landlock_path_beneath_attr below{};
  below.parent_fd = audit_dir;
  below.allowed_access =
      LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
  if ((audit_dir >= 0 &&
       syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0) ||
      syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return fail_errno(kLayer, "restrict itself with Landlock");
  }
  return {};
}

// New threads and processes, in no new namespace: a user namespace would give back every capability, and
// with them the kernel's whole surface (nf_tables, mounts).
oci::SeccompSyscall threads() {
  constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  oci::SeccompSyscall clone;
  clone.names = {"clone"};
  clone.action = oci::SeccompAction::kAllow;
  clone.args = std::vector{oci::SeccompArg{0, kNamespaces, 0, oci::SeccompOperator::kMaskedEq}};
  return clone;
}

// Its flags lie in memory, where no filter sees them; libc then takes clone.
oci::SeccompSyscall no_clone3() {
  oci::SeccompSyscall clone3;
  clone3.names = {"clone3"};
  clone3.action = oci::SeccompAction::kErrno;
  clone3.errno_ret = ENOSYS;
  return clone3;
}

oci::SeccompSyscall sockets_of(uint64_t family, const char* call = "socket") {
  oci::SeccompSyscall socket;
  socket.names = {call};
  socket.action = oci::SeccompAction::kAllow;
  socket.args = std::vector{oci::SeccompArg{0, family, std::nullopt, oci::SeccompOperator::kEq}};
  return socket;
}

// What serving, resolving (libc, nsswitch modules) and logging need. No execve, no ptrace, no mount, no
// new namespace, no kill, no socket but those of the Internet, of this host and of rtnetlink.
oci::Seccomp allowed_calls() {
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::kErrno;
  profile.default_errno_ret = EPERM;
  oci::SeccompSyscall allow;
  allow.action = oci::SeccompAction::kAllow;
  allow.names = {"accept",
                 "accept4",
                 "access",
                 "bind",
                 "brk",
                 "clock_getres",
                 "clock_gettime",
                 "clock_nanosleep",
                 "close",
                 "close_range",
                 "connect",
                 "dup",
                 "dup2",
                 "dup3",
                 "epoll_create",
                 "epoll_create1",
                 "epoll_ctl",
                 "epoll_pwait",
                 "epoll_wait",
                 "eventfd2",
                 "exit",
                 "exit_group",
                 "faccessat",
                 "faccessat2",
                 "fcntl",
                 "fdatasync",
                 "fstat",
                 "fstatfs",
                 "fsync",
                 "ftruncate",
                 "futex",
                 "getcwd",
                 "getdents64",
                 "getegid",
                 "geteuid",
                 "getgid",
                 "getpeername",
                 "getpid",
                 "getppid",
                 "getrandom",
                 "getrlimit",
                 "getsockname",
                 "getsockopt",
                 "gettid",
                 "gettimeofday",
                 "getuid",
                 "inotify_add_watch",
                 "inotify_init1",
                 "ioctl",
                 "lseek",
                 "lstat",
                 "madvise",
                 "membarrier",
                 "mmap",
                 "mprotect",
                 "mremap",
                 "munmap",
                 "nanosleep",
                 "newfstatat",
                 "open",
                 "openat",
                 "pipe",
                 "pipe2",
                 "poll",
                 "ppoll",
                 "prctl",
                 "pread64",
                 "prlimit64",
                 "pwrite64",
                 "read",
                 "readlink",
                 "readlinkat",
                 "readv",
                 "recvfrom",
                 "recvmmsg",
                 "recvmsg",
                 "renameat",
                 "renameat2",
                 "restart_syscall",
                 "rseq",
                 "rt_sigaction",
                 "rt_sigprocmask",
                 "rt_sigreturn",
                 "sched_getaffinity",
                 "sched_yield",
                 "select",
                 "sendmmsg",
                 "sendmsg",
                 "sendto",
                 "set_robust_list",
                 "setsockopt",
                 "shutdown",
                 "sigaltstack",
                 "splice",
                 "stat",
                 "statfs",
                 "statx",
                 "sysinfo",
                 "timerfd_create",
                 "timerfd_settime",
                 "tgkill",
                 "uname",
                 "unlinkat",
                 "write",
                 "writev"};
  profile.syscalls = {allow, threads(), no_clone3()};
  for (uint64_t family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
    profile.syscalls->push_back(sockets_of(family));
  }
  profile.syscalls->push_back(sockets_of(AF_UNIX, "socketpair"));  // plaintext, from srt-tls
  return profile;
}

// What serve_connects() of proxy/unix_connector.h does, and what ends it.
oci::Seccomp connecting_calls() {
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::kErrno;
  profile.default_errno_ret = EPERM;
  oci::SeccompSyscall allow;
  allow.action = oci::SeccompAction::kAllow;
  allow.names = {
      "brk",     "close",           "connect",      "exit",           "exit_group", "fcntl",
      "futex",   "gettid",          "mmap",         "munmap",         "openat2",    "recvmsg",
      "sendmsg", "restart_syscall", "rt_sigreturn", "rt_sigprocmask", "sigaltstack"};
  profile.syscalls = {allow, sockets_of(AF_UNIX)};
  return profile;
}

}  // namespace

Result<void> confine_monitor(int audit_dir) {
  if (is_host_root()) SRT_TRY(become_nobody_else(kLayer, audit_dir));
  SRT_TRY(drop_capabilities(kLayer));
  SRT_TRY(write_only_below(audit_dir));
  return filter_calls(kLayer, allowed_calls());
}

Result<void> confine_connector() {
  SRT_TRY(drop_capabilities(kLayer, 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH));
  SRT_TRY(write_only_below(-1));
  return filter_calls(kLayer, connecting_calls());
}

}  // namespace srt::platform
