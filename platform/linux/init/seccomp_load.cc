#include "platform/linux/init/seccomp_load.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <cstddef>
#include <new>
#include <string_view>

#include "platform/linux/init/descriptor.h"
#include "platform/linux/init/memory.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/sys.h"

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

namespace srt::init {

int install_filter(const sock_filter* filter, size_t count, unsigned flags) {
  sock_fprog program{static_cast<unsigned short>(count), const_cast<sock_filter*>(filter)};
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

namespace {

// The helper shares our descriptor table but not our filter: it sees the listener under the number
// that we got, and its own sendmsg cannot be trapped by what it is about to hand over.
struct Handover {
  std::atomic<int> listener;  // -1: not there yet, -2: there will be none
};

[[noreturn]] void hand_over(Handover* handover, int agent, std::string_view state) {
  // There is no event to wait for: anything the filtered side could call to wake us may itself be
  // trapped. It stores the number within microseconds.
  int listener;
  while ((listener = handover->listener.load(std::memory_order_acquire)) == -1) sched_yield();
  if (listener < 0) _exit(0);
  _exit(send_descriptor(agent, state.data(), state.size(), listener) ? 0 : 1);
}

}  // namespace

void load_seccomp(const Seccomp<Viewed>& seccomp, int agent, std::string_view state,
                  Sender sender) {
  if (seccomp.filter.empty()) return;
  auto* filter = reinterpret_cast<const sock_filter*>(seccomp.filter.data());
  size_t count = seccomp.filter.size() / sizeof(sock_filter);
  if ((seccomp.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0) {
    if (install_filter(filter, count, static_cast<unsigned>(seccomp.flags)) != 0)
      die("seccomp", "load the filter");
    return;
  }
  auto* handover = new (take_shared<Handover>()) Handover{{-1}};
  // The end of a child that the program knows nothing of sends it no signal, which would interrupt its first
  // calls (EINTR).
  pid_t helper = sys::fork_sharing_descriptors(sender == Sender::kReaped ? SIGCHLD : 0);
  if (helper < 0) die("seccomp", "fork the listener's helper");
  if (helper == 0) hand_over(handover, agent, state);
  int listener = install_filter(filter, count, static_cast<unsigned>(seccomp.flags));
  int error = errno;
  handover->listener.store(listener < 0 ? -2 : listener, std::memory_order_release);
  if (listener < 0) die("seccomp", "load the filter", error);
  if (sender == Sender::kAwaited) sys::retry([&] { return waitpid(helper, nullptr, __WALL); });
}

void guard_terminal() {
  constexpr auto kArch = offsetof(seccomp_data, arch), kNr = offsetof(seccomp_data, nr),
                 kCommand =
                     offsetof(seccomp_data, args) + sizeof(__u64);  // low word, little endian
#if defined(__x86_64__)
  constexpr __u32 kNative = AUDIT_ARCH_X86_64, kForeign = AUDIT_ARCH_I386, kForeignNr = 54;
#elif defined(__aarch64__)
  constexpr __u32 kNative = AUDIT_ARCH_AARCH64, kForeign = AUDIT_ARCH_ARM, kForeignNr = 54;
#else
#error "ioctl's number in the foreign ABI of this architecture is not known here"
#endif
  const sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNative, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNr),
      // x32 calls carry bit 30 and have an ioctl of their own number, 514.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40000000 + 514, 3, 9),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeign, 0, 8),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNr),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeignNr, 0, 6),
      // The kernel looks at the low 32 bits of the command only (CVE-2019-10063).
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kCommand),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 2, 0),
      // What outlasts the program: nobody else can open the terminal, or read from it.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCEXCL, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSETD, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (install_filter(filter, sizeof filter / sizeof *filter, 0) != 0) {
    die("seccomp", "block TIOCSTI on the caller's terminal");
  }
}

void guard_sockets() {
  constexpr auto kArch = offsetof(seccomp_data, arch), kNr = offsetof(seccomp_data, nr),
                 kFamily = offsetof(seccomp_data, args);  // low word, little endian
#if defined(__x86_64__)
  constexpr __u32 kForeign = AUDIT_ARCH_I386, kForeignSocket = 359, kForeignSocketpair = 360;
  constexpr __u32 kNative = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr __u32 kForeign = AUDIT_ARCH_ARM, kForeignSocket = 281, kForeignSocketpair = 288;
  constexpr __u32 kNative = AUDIT_ARCH_AARCH64;
#endif
  // i386's socketcall(2) keeps the family behind a pointer, where no filter can look: no sockets by it.
  constexpr __u32 kSocketcall = 102, kX32 = 0x40000000, kIoUringSetup = 425;
  const sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNative, 0, 6),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNr),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~kX32),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 9, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socketpair, 8, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kIoUringSetup, 15, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeign, 0, 12),  // another ABI: no system call at all
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNr),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeignSocket, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeignSocketpair, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kIoUringSetup, 9, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSocketcall, 8, 6),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFamily),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_PACKET, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  if (install_filter(filter, sizeof filter / sizeof *filter, 0) != 0) {
    die("seccomp", "block socket families that a network namespace does not scope");
  }
}

}  // namespace srt::init
