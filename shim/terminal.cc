#include "shim/terminal.h"

#include <unistd.h>

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
