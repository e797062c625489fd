#include "platform/darwin/violation_log.h"

#include <algorithm>
#include <charconv>

namespace srt::platform::darwin {
namespace {

constexpr std::string_view kMark = "Sandbox: ";
constexpr std::string_view kDeny = ") deny(";
constexpr size_t kMaxProgram = 64;  // MAXCOMLEN is 16; a name may hold anything but a slash
constexpr size_t kMaxOperation = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_of_operation(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '*';
}

// Takes the digits from the front of `text`; false: there are none, or too many.
bool take_number(std::string_view& text, uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// "12 duplicate reports for Sandbox: …": the log's own shortening.
unsigned duplicates(std::string_view before) {
  constexpr std::string_view kWords = " duplicate reports for ";
  if (!before.ends_with(kWords)) return 0;
  before.remove_suffix(kWords.size());
  size_t at = before.size();
  while (at > 0 && is_digit(before[at - 1])) --at;
  std::string_view digits = before.substr(at);
  uint32_t number = 0;
  return take_number(digits, number) ? number : 0;
}

// NAME(PID) deny(1) OPERATION TARGET. The name may hold ") deny(" itself: then it ends there.
std::optional<Violation> parse_report(std::string_view text) {
  const size_t end = text.substr(0, kMaxProgram + 16).find(kDeny);
  if (end == text.npos) return std::nullopt;
  const size_t open = text.rfind('(', end);
  if (open == text.npos || open == 0 || open > kMaxProgram) return std::nullopt;
  Violation violation;
  std::string_view pid = text.substr(open + 1, end - open - 1);
  if (!take_number(pid, violation.pid) || !pid.empty()) return std::nullopt;
  violation.program = std::string(text.substr(0, open));
  text.remove_prefix(end + kDeny.size());
  uint32_t level = 0;
  if (!take_number(text, level) || !take(text, ") ")) return std::nullopt;
  const auto stop = std::find_if_not(text.begin(), text.end(), is_of_operation);
  const auto length = static_cast<size_t>(stop - text.begin());
  if (length == 0 || length > kMaxOperation) return std::nullopt;
  violation.operation = std::string(text.substr(0, length));
  text.remove_prefix(length);
  if (!text.empty() && !take(text, " ")) return std::nullopt;
  violation.target = std::string(text);
  return violation;
}

}  // namespace

std::optional<Violation> parse_violation(std::string_view line, std::string_view suffix) {
  if (line.size() > ViolationLog::kMaxLine) line = line.substr(0, ViolationLog::kMaxLine);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!suffix.empty() && line.ends_with(suffix)) line.remove_suffix(suffix.size());
  while (line.ends_with(' ')) line.remove_suffix(1);
  // The rest of a name with a newline in it does not begin with a date.
  if (line.empty() || !is_digit(line[0])) return std::nullopt;
  // The first mark is the kernel's: what the program chose stands behind it.
  const size_t mark = line.find(kMark);
  if (mark == line.npos) return std::nullopt;
  std::optional<Violation> violation = parse_report(line.substr(mark + kMark.size()));
  if (violation) violation->repeated = duplicates(line.substr(0, mark));
  return violation;
}

std::vector<Violation> ViolationLog::feed(std::string_view bytes) {
  std::vector<Violation> found;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    line_ += piece.substr(0, kMaxLine - std::min(line_.size(), kMaxLine));
    if (end == bytes.npos) break;
    if (auto violation = parse_violation(line_, suffix_)) found.push_back(std::move(*violation));
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
  return found;
}

std::vector<std::string> log_stream_arguments(std::string_view suffix) {
  return {"stream", "--style", "compact", "--predicate",
          "eventMessage ENDSWITH \"" + std::string(suffix) + "\""};
}

}  // namespace srt::platform::darwin
