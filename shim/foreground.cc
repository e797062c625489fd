#include "shim/foreground.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "shim/relay.h"
#include "shim/terminal.h"

namespace srt::shim {
namespace {

// All but what cannot be held back, what is a fault of our own, and what stops us when we use the
// terminal from the background.
sigset_t attended_signals(uint64_t ignored) {
  sigset_t set;
  sigfillset(&set);
  for (int signal : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT,
                     SIGTTIN, SIGTTOU, SIGCHLD}) {
    sigdelset(&set, signal);
  }
  for (int signal = 1; ignored != 0; ++signal, ignored >>= 1) {
    if ((ignored & 1) != 0) sigdelset(&set, signal);
  }
  return set;
}

// The value of a line "Name:\tvalue" of /proc/PID/status.
std::string_view status_line(std::string_view text, std::string_view name) {
  size_t at = text.find("\n" + std::string(name) + ":\t");
  if (at == std::string_view::npos) return {};
  at += name.size() + 3;
  return text.substr(at, text.find('\n', at) - at);
}

bool has_signal(std::string_view mask, int signal) {
  return (std::strtoull(std::string(mask).c_str(), nullptr, 16) >> (signal - 1)) & 1;
}

// Whether a signal from the keyboard does nothing to the process: it ignores it, or it is the first
// of a pid namespace and has no handler (pid_namespaces(7)).
bool ignores(pid_t pid, int signal) {
  Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/status");
  if (!text) return false;
  if (has_signal(status_line(*text, "SigIgn"), signal)) return true;
  return status_line(*text, "NSpid").ends_with("\t1") &&
         !has_signal(status_line(*text, "SigCgt"), signal);
}

// As Ctrl-Z stops a program, or not at all where no shell would continue us (an orphaned process
// group): the kernel decides that for SIGTSTP, not for SIGSTOP.
void stop_ourselves() {
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &stop, &before);  // stops here
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

Result<int> wait_for(pid_t child) {
  int status = 0;
  pid_t waited;
  do {
    waited = waitpid(child, &status, __WALL);
  } while (waited < 0 && errno == EINTR);
  if (waited < 0) return fail_errno("pid " + std::to_string(child), "wait");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<Foreground> Foreground::take(uint64_t ignored) {
  sigset_t set = attended_signals(ignored), before;
  if (sigprocmask(SIG_BLOCK, &set, &before) != 0) return fail_errno("signals", "block");
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    int code = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    return fail_errno("signals", "signalfd", code);
  }
  return Foreground(std::move(fd), before);
}

Foreground::Foreground(Foreground&& other) noexcept
    : signals_(std::move(other.signals_)), before_(other.before_), interrupts_(other.interrupts_) {}

Foreground::~Foreground() {
  if (signals_) sigprocmask(SIG_SETMASK, &before_, nullptr);
}

Result<int> Foreground::attend(Attended program) {
  UniqueFd ended(static_cast<int>(syscall(SYS_pidfd_open, program.child, 0)));
  if (!ended) return fail_errno("pid " + std::to_string(program.child), "pidfd_open");
  const bool has_terminal = static_cast<bool>(program.terminal);
  RawTerminal raw(STDIN_FILENO);
  Relay relay(std::move(program.terminal));
  if (has_terminal) {
    copy_size(relay.master());
    raw.enter();
  }
  for (;;) {
    pollfd fds[3 + Relay::kPolled] = {
        {signals_.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}, {program.also_watched, POLLIN, 0}};
    relay.prepare(fds + 3);
    if (poll(fds, std::size(fds), -1) < 0) {
      if (errno == EINTR) continue;
      return fail_errno("terminal", "poll");
    }
    if (fds[0].revents) take_signals(program, raw, has_terminal ? relay.master() : -1);
    relay.carry(fds + 3);
    if (fds[2].revents && !program.on_readable()) program.also_watched = -1;
    if (fds[1].revents) break;
  }
  relay.drain();
  return wait_for(program.child);
}

void Foreground::take_signals(const Attended& program, RawTerminal& raw, int master) {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    one_signal(info, program, raw, master);
  }
}

void Foreground::one_signal(const signalfd_siginfo& info, const Attended& program, RawTerminal& raw,
                            int master) {
  const int signal = static_cast<int>(info.ssi_signo);
  // The terminal's driver sends to the whole foreground group; a person's kill(1) only to us.
  const bool from_terminal = info.ssi_code == SI_KERNEL;
  switch (signal) {
    case SIGWINCH:
      if (master >= 0)
        copy_size(master);
      else if (!from_terminal)
        program.signal(signal);
      return;
    case SIGTSTP:
      raw.restore();
      program.signal_all(SIGSTOP);
      stop_ourselves();
      if (master >= 0) {
        raw.enter();
        copy_size(master);
      }
      program.signal_all(SIGCONT);
      return;
    case SIGCONT:  // what continued us; the program was continued above
    case SIGPIPE:  // of our own writes
      return;
    case SIGINT:
    case SIGQUIT:
      if (from_terminal && program.shares_session) return interrupt(program, signal);
      break;
    case SIGHUP:  // of a terminal that has gone: only the session's leader hears of it, which may be us
      break;
    default:
      if (from_terminal && program.shares_session) return;
      break;
  }
  program.signal(signal);
}

void Foreground::interrupt(const Attended& program, int signal) {
  if (program.behind_reaper || !ignores(program.child, signal)) return;
  if (++interrupts_ > 1) return program.signal_all(SIGKILL);
  if (isatty(STDERR_FILENO)) {
    std::fputs("srt-runtime: the program ignores this; once more kills it\n", stderr);
  }
}

}  // namespace srt::shim
