#include "shim/foreground.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "platform/idle_memory.h"
#include "platform/platform.h"
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

constexpr std::chrono::milliseconds kSettled(100);  // most commands are short
constexpr size_t kOwnPolled = 2;  // before the relay's: signals, the program's end

Result<int> wait_for(pid_t child) {
  SRT_ASSIGN(const int status, platform::await_child(child));
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<Foreground> Foreground::take(uint64_t ignored) {
  SRT_ASSIGN(platform::SignalInbox signals, platform::SignalInbox::open(attended_signals(ignored)));
  return Foreground(std::move(signals));
}

Result<int> Foreground::attend(Attended program) {
  SRT_ASSIGN(UniqueFd ended, platform::watch_exit(program.child));
  const bool has_terminal = static_cast<bool>(program.terminal);
  const KeyboardGroup keyboard;
  RawTerminal raw(STDIN_FILENO);
  Relay relay(std::move(program.terminal));
  if (has_terminal) {
    copy_size(relay.master());
    raw.enter();
  }
  const auto settled_at = std::chrono::steady_clock::now() + kSettled;
  for (bool settled = false;;) {
    if (!settled && std::chrono::steady_clock::now() >= settled_at) {
      settled = true;
      if (program.when_settled) {
        for (Watched& more : program.when_settled()) {
          program.also_watched.push_back(std::move(more));
        }
      }
      platform::release_idle_memory();
    }
    std::vector<pollfd> fds(kOwnPolled + Relay::kPolled);
    fds[0] = {signals_.fd(), POLLIN, 0};
    fds[1] = {ended.get(), POLLIN, 0};
    relay.prepare(&fds[kOwnPolled]);
    for (const Watched& watched : program.also_watched) fds.push_back({watched.fd, POLLIN, 0});
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(settled_at - std::chrono::steady_clock::now());
    const int patience = settled ? -1 : static_cast<int>(std::max<int64_t>(left.count(), 0));
    const int ready = poll(fds.data(), fds.size(), patience);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return fail_errno("terminal", "poll");
    if (fds[0].revents) take_signals(program, raw, has_terminal ? relay.master() : -1);
    relay.carry(&fds[kOwnPolled]);
    auto seen = fds.begin() + kOwnPolled + Relay::kPolled;
    for (Watched& watched : program.also_watched) {
      if ((seen++)->revents != 0 && !watched.on_readable()) watched.fd = -1;
    }
    if (fds[1].revents) break;
  }
  relay.drain();
  return wait_for(program.child);
}

void Foreground::take_signals(const Attended& program, RawTerminal& raw, int master) {
  while (std::optional<platform::Signal> signal = signals_.next()) {
    one_signal(*signal, program, raw, master);
  }
}

void Foreground::one_signal(const platform::Signal& info, const Attended& program, RawTerminal& raw,
                            int master) {
  const int signal = info.number;
  const bool from_terminal = info.from_kernel;
  switch (signal) {
    case SIGWINCH:
      if (master >= 0)
        copy_size(master);
      else if (!from_terminal || !program.shares_session)
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
    case SIGPIPE:
    case SIGXFSZ:  // of our own writes
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
  if (program.behind_reaper || !platform::ignores_signal(program.child, signal)) return;
  if (++interrupts_ > 1) return program.signal_all(SIGKILL);
  if (isatty(STDERR_FILENO)) {
    std::fputs("srt-runtime: the program ignores this; once more kills it\n", stderr);
  }
}

}  // namespace srt::shim
