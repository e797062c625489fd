// A forked process for a test: does its work, then waits to be ended.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "platform/fd.h"

namespace srt::test {

class Child {
 public:
  // `work` runs in the child; what it writes to the descriptor is said(). Then the child pauses.
  explicit Child(const std::function<void(int out)>& work = {});
  ~Child();  // SIGKILL and reaped
  Child(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // Blocks until the child has written that many bytes (or has ended).
  std::string said(size_t bytes);
  // Blocks until the child ends: waitpid's status.
  int wait();

 private:
  pid_t pid_ = -1;
  UniqueFd out_;
  bool reaped_ = false;
};

// Runs `work` in a forked process and gives what waitpid says of it; the exit code is `work`'s
// value.
int run_forked(const std::function<int()>& work);

}  // namespace srt::test
