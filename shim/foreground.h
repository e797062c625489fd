// Standing in for a program in a container: whoever called `run` or `exec` sees it as if the
// program were their own child. Signals sent to us reach it, the terminal is its, Ctrl-Z stops it, and we
// end with its status.
//
//   SRT_ASSIGN(Foreground foreground, Foreground::take());   // before the program is made
//   …
//   SRT_ASSIGN(int status, foreground.attend({.child = pid, …}));
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/signals.h"

namespace srt::shim {

class RawTerminal;

struct Watched {
  int fd = -1;                        // -1: none
  std::function<bool()> on_readable;  // or at its end; false: watch no more
};

struct Attended {
  pid_t child = 0;    // ours to wait for
  UniqueFd terminal;  // the master of its terminal; empty: it uses our stdin, stdout and stderr
  // It is in our session, without a terminal of its own: what the keyboard sends to the foreground
  // group reaches it without us.
  bool shares_session = false;
  // It is not a pid 1 itself: an interrupt reaches it, and what it does with it is its own affair.
  bool behind_reaper = false;
  std::vector<Watched> also_watched;
  // Called once it has run for a while: what else is watched from then on.
  std::function<std::vector<Watched>()> when_settled;
  std::function<void(int)> signal;      // to the program
  std::function<void(int)> signal_all;  // to all of the container, for stop, continue and kill
};

class Foreground {
 public:
  // From here on, signals wait for attend(); without it they do their work when this is destroyed,
  // so that a Ctrl-C during create comes after what create has to undo. Those of `ignored` (bit n-1 is
  // signal n) are left alone.
  static Result<Foreground> take(uint64_t ignored = 0);
  Foreground(Foreground&& other) noexcept = default;
  Foreground& operator=(Foreground&&) = delete;
  ~Foreground() = default;

  // Until the child ends: its exit status, or 128 plus the signal that ended it.
  Result<int> attend(Attended program);

 private:
  explicit Foreground(platform::SignalInbox signals) : signals_(std::move(signals)) {}
  void take_signals(const Attended& program, RawTerminal& raw, int master);
  void one_signal(const platform::Signal& info, const Attended& program, RawTerminal& raw,
                  int master);
  void interrupt(const Attended& program, int signal);

  platform::SignalInbox signals_;
  unsigned interrupts_ = 0;  // Ctrl-C that the program ignored
};

}  // namespace srt::shim
