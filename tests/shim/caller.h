// A process that calls Foreground::attend as `run` does, with a terminal or pipes of its own, and
// the test at the other end.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <string>

#include <catch2/catch.hpp>

#include "platform/fd.h"

namespace srt::test {

class Caller {
 public:
  enum class Stdio { kPipes, kTerminal };

  // `work` runs in a new process (for kTerminal: a session whose terminal is ours to type into) and
  // gives its exit status.
  Caller(Stdio stdio, const std::function<int()>& work) {
    if (stdio == Stdio::kTerminal) {
      int master = -1;
      pid_ = forkpty(&master, nullptr, nullptr, nullptr);
      if (pid_ == 0) _exit(work());
      REQUIRE(pid_ > 0);
      to_.reset(fcntl(master, F_DUPFD_CLOEXEC, 3));
      from_.reset(master);
    } else {
      int in[2], out[2];
      REQUIRE(pipe2(in, O_CLOEXEC) == 0);
      REQUIRE(pipe2(out, O_CLOEXEC) == 0);
      pid_ = fork();
      if (pid_ == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        _exit(work());
      }
      REQUIRE(pid_ > 0);
      close(in[0]);
      close(out[1]);
      to_.reset(in[1]);
      from_.reset(out[0]);
    }
  }
  ~Caller() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  pid_t pid() const { return pid_; }
  int terminal() const { return from_.get(); }

  void type(std::string_view text) const {
    REQUIRE(write(to_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void end_input() { to_.reset(); }

  // Reads until `text` has come; false if it ended or 20 s passed before.
  bool expect(std::string_view text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (seen_.find(text) == std::string::npos) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0 || !more(static_cast<int>(left.count()))) return false;
    }
    return true;
  }
  // All that comes until the end.
  std::string rest() {
    while (more(20000)) {
    }
    return seen_;
  }
  const std::string& seen() const { return seen_; }

  // How it ended, as a shell says it; -1: stopped.
  int wait(int flags = 0) {
    int status = 0;
    if (waitpid(pid_, &status, flags) != pid_) return -2;
    if (WIFSTOPPED(status)) return -1;
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  bool more(int milliseconds) {
    pollfd fd{from_.get(), POLLIN, 0};
    if (poll(&fd, 1, milliseconds) <= 0) return false;
    char bytes[65536];
    ssize_t n = read(from_.get(), bytes, sizeof bytes);
    if (n <= 0) return false;
    seen_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  pid_t pid_ = -1;
  UniqueFd to_, from_;
  std::string seen_;
};

}  // namespace srt::test
