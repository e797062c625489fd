// Signals as something to read, for who stands in for another program.
//
//   SRT_ASSIGN(SignalInbox inbox, SignalInbox::open(set));   // from here on they wait
//   poll({inbox.fd(), POLLIN}) …
//   while (std::optional<Signal> signal = inbox.next()) …
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

struct Signal {
  int number = 0;
  bool from_kernel =
      false;  // a terminal's driver sends to the whole foreground group, kill(1) to us
};

// One at a time: a process has one set of signal handlers.
class SignalInbox {
 public:
  static Result<SignalInbox> open(const sigset_t& set);
  SignalInbox(SignalInbox&& other) noexcept;
  SignalInbox& operator=(SignalInbox&&) = delete;
  ~SignalInbox();  // those that nobody took do their work then

  int fd() const { return fd_.get(); }
  std::optional<Signal> next();

 private:
  SignalInbox(UniqueFd fd, const sigset_t& to_restore)
      : fd_(std::move(fd)), to_restore_(to_restore) {}
  UniqueFd fd_;
  sigset_t to_restore_;  // a mask, or whose handlers
};

// Whether a signal from the keyboard does nothing to a process: it ignores it, or the platform keeps it
// from it.
bool ignores_signal(pid_t pid, int signal);

}  // namespace srt::platform
