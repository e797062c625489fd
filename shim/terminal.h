// The terminal that `run` and `exec` were called from.
#pragma once

#include <sys/ioctl.h>
#include <termios.h>

#include <optional>

#include "platform/fd.h"

namespace srt::shim {

// Puts a terminal into raw mode, so that each key reaches the container's own terminal, and puts it
// back when destroyed. A descriptor that is no terminal is left alone.
class RawTerminal {
 public:
  explicit RawTerminal(int fd) : fd_(fd) {}
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() { restore(); }

  void enter();
  void restore();

 private:
  int fd_;
  std::optional<termios> before_;
};

// The terminal's foreground group, if that is ours: again when destroyed. A program that gave the keyboard to a group of
// its own leaves it, as it ends, to nobody, and the script that called us could read no answer any more. A shell with
// job control takes it by itself.
class KeyboardGroup {
 public:
  KeyboardGroup();
  KeyboardGroup(const KeyboardGroup&) = delete;
  KeyboardGroup& operator=(const KeyboardGroup&) = delete;
  ~KeyboardGroup();

 private:
  UniqueFd terminal_;  // empty: there is none, or the keyboard is somebody else's
};

// The size of the first of stdin, stdout and stderr that is a terminal.
std::optional<winsize> callers_size();
// Gives the terminal `to` that size.
void copy_size(int to);

}  // namespace srt::shim
