#include "platform/linux/init/own_group.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "platform/linux/init/report.h"
#include "platform/linux/init/seccomp_load.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

// Landlock, ABI 6 (Linux 6.12), as <linux/landlock.h> has it.
struct Ruleset {
  __u64 handled_access_fs, handled_access_net, scoped;
};
constexpr long kCreateRuleset = 444, kRestrictSelf = 446;
constexpr __u64 kScopeSignal = 2;

// Signals reach only whoever descends from us. False: this kernel cannot.
bool scope_signals() {
  const Ruleset ruleset{0, 0, kScopeSignal};
  const long fd = syscall(kCreateRuleset, &ruleset, sizeof ruleset, 0);
  if (fd < 0) return false;
  const bool done = syscall(kRestrictSelf, fd, 0) == 0;
  close(static_cast<int>(fd));
  return done;
}

}  // namespace

void guard_group() {
  constexpr auto kArch = offsetof(seccomp_data, arch), kNr = offsetof(seccomp_data, nr),
                 kFirst = offsetof(seccomp_data, args),  // low words, little endian
      kSecond = kFirst + sizeof(__u64);
#if defined(__x86_64__)
  constexpr __u32 kNative = AUDIT_ARCH_X86_64, kForeign = AUDIT_ARCH_I386, kForeignIoprio = 289;
#elif defined(__aarch64__)
  constexpr __u32 kNative = AUDIT_ARCH_AARCH64, kForeign = AUDIT_ARCH_ARM, kForeignIoprio = 314;
#else
#error "ioprio_set's number in the foreign ABI of this architecture is not known here"
#endif
  constexpr __u32 kForeignKill = 37, kForeignSetpriority = 97, kX32 = 0x40000000;
  constexpr __u32 kPrioGroup = 1, kIoprioGroup = 2, kOwn = 0;
  // Where the kernel cannot tell inside from outside nobody is signalled: `kill 0` inside fails.
  const __u32 on_kill = scope_signals() ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM;
  const sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNative, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNr),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~kX32),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 7, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setpriority, 9, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioprio_set, 10, 14),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeign, 0, 13),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNr),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeignKill, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeignSetpriority, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kForeignIoprio, 5, 9),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFirst),  // kill
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kOwn, 0, 7),
      BPF_STMT(BPF_RET | BPF_K, on_kill),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFirst),  // setpriority
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPrioGroup, 2, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFirst),  // ioprio_set
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kIoprioGroup, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kSecond),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kOwn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  if (install_filter(filter, sizeof filter / sizeof *filter, 0) != 0) {
    die("seccomp", "keep signals from the caller's process group");
  }
}

}  // namespace srt::init
