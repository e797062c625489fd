#include "platform/linux/init/reaper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/linux/init/report.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

// What the kernel's signal set is: 64 bits.
constexpr unsigned long long kAll = ~0ull;

void set_mask(unsigned long long mask) {
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, sizeof mask);
}

int wait_for_signal(siginfo_t& info) {
  return static_cast<int>(syscall(SYS_rt_sigtimedwait, &kAll, &info, nullptr, sizeof kAll));
}

// PTRACE_TRACEME makes the parent the tracer: we are no debugger, and a stop is no end. `signal` is what the
// program stopped for; SIGTRAP tells of its execve.
void let_go(pid_t pid, int signal) {
  (void)syscall(SYS_ptrace, PTRACE_DETACH, pid, 0, signal == SIGTRAP ? 0 : signal);
}

// True when the program has ended.
bool reap(pid_t program, int& status) {
  for (;;) {
    int one = 0;
    pid_t pid = waitpid(-1, &one, WNOHANG);
    if (pid <= 0) return false;
    if (WIFSTOPPED(one)) {
      let_go(pid, WSTOPSIG(one));
      continue;
    }
    if (pid != program) continue;
    status = WIFEXITED(one) ? WEXITSTATUS(one) : 128 + WTERMSIG(one);
    return true;
  }
}

[[noreturn]] void attend(pid_t program) {
  // A pipe that the program has closed must be closed. Unshared: the helper that hands a seccomp listener
  // over (seccomp_load.cc) may still be at it, with our table of descriptors.
  (void)close_range(0, ~0u, CLOSE_RANGE_UNSHARE);
  for (;;) {
    siginfo_t info;
    int signal = wait_for_signal(info);
    if (signal < 0) continue;
    int status = 0;
    if (signal == SIGCHLD) {
      if (reap(program, status)) _exit(status);
    } else if (info.si_code <= 0 && info.si_pid == 0) {
      // Sent by somebody outside of this pid namespace. What the keyboard sends comes from the kernel,
      // to the whole foreground group: the program has got it itself.
      (void)kill(program, signal);
    }
  }
}

}  // namespace

void fork_program() {
  set_mask(kAll);  // blocked, a signal waits for us instead of being dropped
  // Not clone3: the program's filter, which holds here already, may refuse it.
  auto program = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (program < 0) die("process", "fork");
  if (program != 0) attend(program);
  set_mask(0);
}

}  // namespace srt::init
