#include "shim/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace srt::shim {

void RawTerminal::enter() {
  termios now{};
  if (before_ || tcgetattr(fd_, &now) != 0) return;
  before_ = now;
  cfmakeraw(&now);
  // Output as before: the container's terminal leaves line ends alone (as runc's does), so ours
  // must still turn "\n" into a new line.
  now.c_oflag = before_->c_oflag;
  tcsetattr(fd_, TCSADRAIN, &now);
}

void RawTerminal::restore() {
  // TCSADRAIN: what the program wrote last is shown in the mode it was written for.
  if (before_) tcsetattr(fd_, TCSADRAIN, &*before_);
  before_.reset();
}

KeyboardGroup::KeyboardGroup() : terminal_(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) {
  if (terminal_ && tcgetpgrp(terminal_.get()) != getpgrp()) terminal_.reset();
}

KeyboardGroup::~KeyboardGroup() {
  if (!terminal_) return;
  const pid_t group = tcgetpgrp(terminal_.get());
  if (group == getpgrp() || (group > 0 && (kill(-group, 0) == 0 || errno != ESRCH))) return;
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);  // what whoever is not in the foreground gets for it
  sigprocmask(SIG_BLOCK, &stop, &before);
  (void)tcsetpgrp(terminal_.get(), getpgrp());
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

std::optional<winsize> callers_size() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) return size;
  }
  return {};
}

void copy_size(int to) {
  if (std::optional<winsize> size = callers_size()) ioctl(to, TIOCSWINSZ, &*size);
}

}  // namespace srt::shim
