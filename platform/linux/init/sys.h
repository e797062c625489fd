// The system calls that Debian 12's libc has no wrapper for, and the retry that blocking ones need.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

namespace srt::sys {

inline int openat2(int dir, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  return static_cast<int>(syscall(SYS_openat2, dir, path, &how, sizeof how));
}
inline pid_t clone3(const clone_args& args) {
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}
// Raw, so that neither side runs libc's atfork code; without CLONE_VM it has its own stack.
inline pid_t fork_sharing_descriptors(int signal_of_its_end = SIGCHLD) {
  clone_args args{};
  args.flags = CLONE_FILES;
  args.exit_signal = static_cast<uint64_t>(signal_of_its_end);
  return clone3(args);
}
// libc 2.36 declares these two without C linkage.
inline int pidfd_open(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }
inline int pidfd_send_signal(int pidfd, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}
inline int pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(syscall(SYS_pivot_root, new_root, put_old));
}

inline int mount(const char* source, const char* target, const char* type, unsigned long flags,
                 const void* data) {
  return static_cast<int>(syscall(SYS_mount, source, target, type, flags, data));
}

template <class F>
auto retry(F call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace srt::sys
