// What was refused, one line of NDJSON each:
// {"time":"2026-01-02T03:04:05.678901Z","operation":"create","path":"/w/.bashrc","rule":".bashrc",
//  "pid":123,"comm":"sh"}; the pid is the host's. A rename has "to" as well.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <string>

#include "platform/fd.h"

namespace srt::platform {

struct Violation {
  std::string operation, path, rule;
  pid_t pid = 0;
  std::string comm;
  std::string to;  // of a rename
};

std::string to_json_line(const Violation& violation, int64_t time_us);

class ViolationLog {
 public:
  explicit ViolationLog(UniqueFd to) : to_(std::move(to)) {}
  // Never waits: a reader that does not read loses lines. Thread-safe, lines are whole. What is refused
  // over and over must not fill the host's memory, where the log may be: it ends with a line that says so.
  void write(const Violation& violation);
  static constexpr size_t kMost = 8 << 20;  // bytes

 private:
  UniqueFd to_;
  std::atomic<size_t> written_{0};
};

}  // namespace srt::platform
