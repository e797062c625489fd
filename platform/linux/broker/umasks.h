// The callers' umasks. The kernel tells them in /proc/PID/status only, which costs a quarter of a whole
// call, so they are remembered; umask(2) comes here too, to say that they change. Thread-safe.
//
// A thread that was let go on to change its umask has done so when it makes its next call, or is gone;
// until then nothing is remembered, for a thread that shares it could still have the old one.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "platform/linux/broker/caller.h"

namespace srt::platform {

class Umasks {
 public:
  OrErrno<mode_t> of(const Caller& caller);
  void about_to_change(const Caller& caller);
  void calls(const Caller& caller);  // first thing of each call

 private:
  using Clock = std::chrono::steady_clock;
  struct Known {
    pid_t tid = 0;
    mode_t umask = 0;
    uint64_t generation = 0;
    Clock::time_point until;  // before the number can have been given to another process
  };

  std::atomic<uint64_t> generation_{1};
  std::atomic<size_t> changing_count_{0};
  std::mutex mutex_;
  std::vector<pid_t> changing_;
  std::array<Known, 64> known_{};
};

}  // namespace srt::platform
