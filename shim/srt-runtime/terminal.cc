#include "shim/srt-runtime/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace srt::shim {

void RawTerminal::enter() {
  termios now{};
  if (before_ || tcgetattr(fd_, &now) != 0) return;
  before_ = now;
  cfmakeraw(&now);
  tcsetattr(fd_, TCSADRAIN, &now);
}

void RawTerminal::restore() {
  // TCSADRAIN: what the program wrote last is shown in the mode it was written for.
  if (before_) tcsetattr(fd_, TCSADRAIN, &*before_);
  before_.reset();
}

void copy_size(int to) {
  winsize size{};
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (ioctl(fd, TIOCGWINSZ, &size) != 0) continue;
    ioctl(to, TIOCSWINSZ, &size);
    return;
  }
}

}  // namespace srt::shim
