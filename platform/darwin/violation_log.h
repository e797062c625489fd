// Violations of a run's profile, as the system's log tells them:
//
//   log stream --style compact --predicate 'eventMessage ENDSWITH "SUFFIX"'
//
//   2026-01-31 12:00:00.123 E  kernel[0:1a2b] (Sandbox) Sandbox: cat(4711) deny(1) file-read-data /Users/u/.ssh/id
//   SUFFIX
//
// The message of the rule, SUFFIX, comes behind the line or on a line of its own. Names of programs and
// files are the sandboxed program's choice, newlines included: a report is a hint for whoever runs it, never
// evidence. What is read is bounded, and as the log has it: to be made printable before a terminal gets it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace srt::platform::darwin {

struct Violation {
  std::string program;  // the kernel's short name of it
  uint32_t pid = 0;
  std::string operation;  // "file-read-data"
  std::string target;     // path, address or service; may be empty; as the log has it
  unsigned repeated = 0;  // the log leaves out so many like it
  bool operator==(const Violation&) const = default;
};

// One line of the log, without its newline. nullopt: it is no violation.
std::optional<Violation> parse_violation(std::string_view line, std::string_view suffix);

// The stream as it comes, in pieces of any size.
class ViolationLog {
 public:
  explicit ViolationLog(std::string suffix) : suffix_(std::move(suffix)) {}

  // Violations whose line ended in this piece.
  std::vector<Violation> feed(std::string_view bytes);

  static constexpr size_t kMaxLine = 8192;  // the rest of a longer line is dropped

 private:
  std::string suffix_;
  std::string line_;
};

// The arguments of `log` for a run's suffix.
std::vector<std::string> log_stream_arguments(std::string_view suffix);

}  // namespace srt::platform::darwin
