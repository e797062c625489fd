// What srt-tls gives up before it looks at the first byte of a peer.
#include <sys/prctl.h>

#include <csignal>

#include "platform/linux/confine.h"
#include "platform/platform.h"
#include "platform/terminator.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "network.tlsTerminate";

// What moving bytes between sockets that are there needs, and memory. Nothing that opens a file, makes or connects a
// socket, starts or looks at a process.
oci::Seccomp allowed_calls() {
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::kErrno;
  profile.default_errno_ret = EPERM;
  oci::SeccompSyscall allow;
  allow.action = oci::SeccompAction::kAllow;
  allow.names = {"brk",
                 "clock_gettime",
                 "clock_nanosleep",
                 "close",
                 "epoll_ctl",
                 "epoll_pwait",
                 "epoll_wait",
                 "exit",
                 "exit_group",
                 "futex",
                 "getpid",
                 "getrandom",
                 "getsockopt",
                 "gettid",
                 "gettimeofday",
                 "madvise",
                 "mmap",
                 "mprotect",
                 "mremap",
                 "munmap",
                 "poll",
                 "ppoll",
                 "read",
                 "recvfrom",
                 "recvmsg",
                 "restart_syscall",
                 "rt_sigaction",
                 "rt_sigprocmask",
                 "rt_sigreturn",
                 "sendmsg",
                 "sendto",
                 "setsockopt",
                 "shutdown",
                 "sigaltstack",
                 "tgkill",
                 "write"};
  profile.syscalls = {allow};
  return profile;
}

}  // namespace

Result<void> confine_terminator() {
  if (is_host_root()) SRT_TRY(become_nobody_else(kLayer, -1));
  SRT_TRY(drop_capabilities(kLayer));
  // Beside the end of the guard's socket: not even a loop that never looks there again outlives the sandbox.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno(kLayer, "end with srt");
  return filter_calls(kLayer, allowed_calls());
}

}  // namespace srt::platform
