// The part of libc that srt-init uses, over bare system calls, and the entry point.
//
// Why not libc itself: its start-up asks the processor for its caches with CPUID, which traps in a
// virtual machine. There, an empty static program takes 0.7 ms with libc and 0.1 ms without, and
// srt-init is executed twice for every container. What stands here are the declarations of the usual
// headers, implemented one to one; single-threaded, no buffering, no locale, no environment.
//
// x86_64 and aarch64: only calls that both have (no open, fork, poll, dup2 …).
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <type_traits>

int main(int argc, char** argv);

namespace {

int g_errno;

long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
#error "srt-init has no system call convention for this architecture"
#endif
}

template <class T>
long as_long(T argument) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(argument);
  } else {
    return static_cast<long>(argument);
  }
}

// -4095 … -1 is an error number.
template <class... Args>
long call(long number, Args... args) {
  long result = raw(number, as_long(args)...);
  if (result < 0 && result > -4096) {
    g_errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}
template <class... Args>
int icall(long number, Args... args) {
  return static_cast<int>(call(number, args...));
}

}  // namespace

// Debian's g++ checks std::string_view::substr; srt-init never goes past an end.
namespace std {
void __throw_out_of_range_fmt(const char*, ...) { __builtin_trap(); }
}  // namespace std

extern "C" {

#if defined(__x86_64__)
__asm__(
    ".globl _start\n_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov (%rsp), %rdi\n"
    "  lea 8(%rsp), %rsi\n"
    "  and $-16, %rsp\n"
    "  call srt_init_entry\n"
    "  hlt\n");
#elif defined(__aarch64__)
__asm__(
    ".globl _start\n_start:\n"
    "  mov x29, #0\n"
    "  ldr x0, [sp]\n"
    "  add x1, sp, #8\n"
    "  bl srt_init_entry\n"
    "  brk #1\n");
#endif

__attribute__((used)) void srt_init_entry(long argc, char** argv) {
  _exit(main(static_cast<int>(argc), argv));
}

int* __errno_location() noexcept { return &g_errno; }

// ---- <string.h>; without the pragma g++ makes these loops calls to themselves

#ifndef __clang__
#pragma GCC push_options
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

void* memcpy(void* __restrict to, const void* __restrict from, size_t n) {
  auto* out = static_cast<char*>(to);
  const auto* in = static_cast<const char*>(from);
  for (size_t i = 0; i < n; ++i) out[i] = in[i];
  return to;
}
void* memmove(void* to, const void* from, size_t n) {
  auto* out = static_cast<char*>(to);
  const auto* in = static_cast<const char*>(from);
  if (out < in) return memcpy(to, from, n);
  while (n-- > 0) out[n] = in[n];
  return to;
}
void* memset(void* to, int value, size_t n) {
  auto* out = static_cast<char*>(to);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<char>(value);
  return to;
}
int memcmp(const void* a, const void* b, size_t n) {
  const auto* left = static_cast<const unsigned char*>(a);
  const auto* right = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < n; ++i) {
    if (left[i] != right[i]) return left[i] - right[i];
  }
  return 0;
}
// clang's word for a memcmp of which only "equal or not" is asked.
int bcmp(const void* a, const void* b, size_t n) { return memcmp(a, b, n); }
// GCC knows the C++ overloads of <string.h> under this name only.
void* srt_memchr(const void* text, int c, size_t n) __asm__("memchr");
void* srt_memchr(const void* text, int c, size_t n) {
  const auto* at = static_cast<const unsigned char*>(text);
  for (size_t i = 0; i < n; ++i) {
    if (at[i] == static_cast<unsigned char>(c)) return const_cast<unsigned char*>(at + i);
  }
  return nullptr;
}
size_t strlen(const char* text) {
  size_t n = 0;
  while (text[n] != '\0') ++n;
  return n;
}
int strcmp(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
}
long strtol(const char* __restrict text, char** __restrict, int) noexcept {  // what atoi() becomes
  long n = 0;
  while (*text >= '0' && *text <= '9') n = n * 10 + (*text++ - '0');
  return n;
}

#ifndef __clang__
#pragma GCC pop_options
#endif

// ---- processes

void _exit(int status) {
  for (;;) raw(SYS_exit_group, status);
}
pid_t fork() noexcept { return icall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
pid_t getpid() noexcept { return icall(SYS_getpid); }
pid_t setsid() noexcept { return icall(SYS_setsid); }
pid_t waitpid(pid_t pid, int* status, int options) {
  return icall(SYS_wait4, pid, status, options, 0);
}
int kill(pid_t pid, int number) noexcept { return icall(SYS_kill, pid, number); }
int execve(const char* path, char* const argv[], char* const envp[]) noexcept {
  return icall(SYS_execve, path, argv, envp);
}
int sched_yield() noexcept { return icall(SYS_sched_yield); }
int unshare(int flags) noexcept { return icall(SYS_unshare, flags); }
int setns(int fd, int type) noexcept { return icall(SYS_setns, fd, type); }
int setresuid(uid_t r, uid_t e, uid_t s) noexcept { return icall(SYS_setresuid, r, e, s); }
int setresgid(gid_t r, gid_t e, gid_t s) noexcept { return icall(SYS_setresgid, r, e, s); }
int setgroups(size_t count, const gid_t* groups) noexcept {
  return icall(SYS_setgroups, count, groups);
}
mode_t umask(mode_t mask) noexcept { return static_cast<mode_t>(icall(SYS_umask, mask)); }
int setrlimit(__rlimit_resource_t resource, const rlimit* limit) noexcept {
  return icall(SYS_prlimit64, 0, static_cast<int>(resource), limit, 0);
}
int sethostname(const char* name, size_t size) noexcept {
  return icall(SYS_sethostname, name, size);
}
int setdomainname(const char* name, size_t size) noexcept {
  return icall(SYS_setdomainname, name, size);
}

int prctl(int option, ...) noexcept {
  va_list list;
  va_start(list, option);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long),
       d = va_arg(list, long);
  va_end(list);
  return icall(SYS_prctl, option, a, b, c, d);
}
long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long),
       d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
  va_end(list);
  return call(number, a, b, c, d, e, f);
}

// ---- signals: no handler of ours ever returns

#if defined(__x86_64__)
constexpr unsigned long kRestorer =
    0x04000000;  // SA_RESTORER: without one the kernel calls no handler here
#else
constexpr unsigned long kRestorer = 0;
#endif
struct KernelAction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask;
};
int sigaction(int number, const struct sigaction* __restrict action,
              struct sigaction* __restrict before) noexcept {
  KernelAction next{}, last{};
  if (action != nullptr) {
    next.handler = action->sa_handler;
    next.flags = kRestorer;
    next.restorer = [] { __builtin_trap(); };
  }
  int result = icall(SYS_rt_sigaction, number, action != nullptr ? &next : nullptr,
                     before != nullptr ? &last : nullptr, sizeof(unsigned long));
  if (result == 0 && before != nullptr) before->sa_handler = last.handler;
  return result;
}
sighandler_t signal(int number, sighandler_t handler) noexcept {
  struct sigaction action {
  }, before{};
  action.sa_handler = handler;
  return sigaction(number, &action, &before) == 0 ? before.sa_handler : SIG_ERR;
}
int sigemptyset(sigset_t* set) noexcept {
  memset(set, 0, sizeof *set);
  return 0;
}
int sigprocmask(int how, const sigset_t* __restrict set, sigset_t* __restrict before) noexcept {
  return icall(SYS_rt_sigprocmask, how, set, before, sizeof(unsigned long));
}

// ---- files

int openat(int dir, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  int mode = va_arg(list, int);
  va_end(list);
  return icall(SYS_openat, dir, path, flags, mode);
}
int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  int mode = va_arg(list, int);
  va_end(list);
  return icall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int close(int fd) { return icall(SYS_close, fd); }
int close_range(unsigned first, unsigned last, int flags) noexcept {
  return icall(SYS_close_range, first, last, flags);
}
ssize_t read(int fd, void* to, size_t size) { return call(SYS_read, fd, to, size); }
ssize_t write(int fd, const void* from, size_t size) { return call(SYS_write, fd, from, size); }
int fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  long argument = va_arg(list, long);
  va_end(list);
  return icall(SYS_fcntl, fd, command, argument);
}
int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list list;
  va_start(list, request);
  long argument = va_arg(list, long);
  va_end(list);
  return icall(SYS_ioctl, fd, request, argument);
}
int dup2(int from, int to) noexcept {
  return from == to ? (fcntl(from, F_GETFD) < 0 ? -1 : to) : icall(SYS_dup3, from, to, 0);
}
int pipe2(int fds[2], int flags) noexcept { return icall(SYS_pipe2, fds, flags); }
int poll(pollfd* fds, nfds_t count, int milliseconds) {
  timespec limit{milliseconds / 1000, milliseconds % 1000 * 1000000L};
  return icall(SYS_ppoll, fds, count, milliseconds < 0 ? nullptr : &limit, 0, 0);
}
ssize_t sendfile(int out, int in, off_t* offset, size_t size) noexcept {
  return call(SYS_sendfile, out, in, offset, size);
}
int fstatat(int dir, const char* __restrict path, struct stat* __restrict st, int flags) noexcept {
  return icall(SYS_newfstatat, dir, path, st, flags);
}
int fstat(int fd, struct stat* st) noexcept { return fstatat(fd, "", st, AT_EMPTY_PATH); }
int stat(const char* __restrict path, struct stat* __restrict st) noexcept {
  return fstatat(AT_FDCWD, path, st, 0);
}
int fstatfs(int fd, struct statfs* st) noexcept { return icall(SYS_fstatfs, fd, st); }
int mkdirat(int dir, const char* path, mode_t mode) noexcept {
  return icall(SYS_mkdirat, dir, path, mode);
}
int unlinkat(int dir, const char* path, int flags) noexcept {
  return icall(SYS_unlinkat, dir, path, flags);
}
int mknodat(int dir, const char* path, mode_t mode, dev_t number) noexcept {
  return icall(SYS_mknodat, dir, path, mode, number);
}
int symlinkat(const char* target, int dir, const char* path) noexcept {
  return icall(SYS_symlinkat, target, dir, path);
}
ssize_t readlinkat(int dir, const char* __restrict path, char* __restrict to,
                   size_t size) noexcept {
  return call(SYS_readlinkat, dir, path, to, size);
}
int fchown(int fd, uid_t uid, gid_t gid) noexcept { return icall(SYS_fchown, fd, uid, gid); }
int fchownat(int dir, const char* path, uid_t uid, gid_t gid, int flags) noexcept {
  return icall(SYS_fchownat, dir, path, uid, gid, flags);
}
int fchmod(int fd, mode_t mode) noexcept { return icall(SYS_fchmod, fd, mode); }
int fchmodat(int dir, const char* path, mode_t mode, int) noexcept {
  return icall(SYS_fchmodat, dir, path, mode);  // the kernel's has no flags, and none is ever given
}
int utimensat(int dir, const char* path, const timespec times[2], int flags) noexcept {
  return icall(SYS_utimensat, dir, path, times, flags);
}
int chdir(const char* path) noexcept { return icall(SYS_chdir, path); }
int fchdir(int fd) noexcept { return icall(SYS_fchdir, fd); }
void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  return reinterpret_cast<void*>(call(SYS_mmap, at, size, protection, flags, fd, offset));
}
int clock_gettime(clockid_t clock, timespec* now) noexcept {
  return icall(SYS_clock_gettime, clock, now);
}
dev_t gnu_dev_makedev(unsigned major, unsigned minor) noexcept {
  return (static_cast<dev_t>(major) & 0xfff) << 8 | (static_cast<dev_t>(major) & ~0xfffULL) << 32 |
         (minor & 0xff) | (static_cast<dev_t>(minor) & ~0xffULL) << 12;
}

// ---- sockets

int socket(int family, int type, int protocol) noexcept {
  return icall(SYS_socket, family, type, protocol);
}
int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  return icall(SYS_bind, fd, address, size);
}
int listen(int fd, int backlog) noexcept { return icall(SYS_listen, fd, backlog); }
int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
  return icall(SYS_setsockopt, fd, level, option, value, size);
}
ssize_t recv(int fd, void* to, size_t size, int flags) {
  return call(SYS_recvfrom, fd, to, size, flags, 0, 0);
}
ssize_t send(int fd, const void* from, size_t size, int flags) {
  return call(SYS_sendto, fd, from, size, flags, 0, 0);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return call(SYS_sendmsg, fd, message, flags);
}
int shutdown(int fd, int how) noexcept { return icall(SYS_shutdown, fd, how); }
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  return call(SYS_recvmsg, fd, message, flags);
}

// ---- mounts

int umount2(const char* path, int flags) noexcept { return icall(SYS_umount2, path, flags); }
int open_tree(int dir, const char* path, unsigned flags) noexcept {
  return icall(SYS_open_tree, dir, path, flags);
}
int move_mount(int from, const char* from_path, int to, const char* to_path,
               unsigned flags) noexcept {
  return icall(SYS_move_mount, from, from_path, to, to_path, flags);
}
int mount_setattr(int dir, const char* path, unsigned flags, mount_attr* attr,
                  size_t size) noexcept {
  return icall(SYS_mount_setattr, dir, path, flags, attr, size);
}
int fsopen(const char* type, unsigned flags) noexcept { return icall(SYS_fsopen, type, flags); }
int fsconfig(int fd, unsigned command, const char* key, const void* value, int aux) noexcept {
  return icall(SYS_fsconfig, fd, command, key, value, aux);
}
int fsmount(int fd, unsigned flags, unsigned attributes) noexcept {
  return icall(SYS_fsmount, fd, flags, attributes);
}

}  // extern "C"
