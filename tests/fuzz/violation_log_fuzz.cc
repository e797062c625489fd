// Any bytes as the system's log of violations, in pieces: it ends without a crash, holds no more than its
// limits, and finds the same whether it comes at once or byte by byte.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/darwin/violation_log.h"
#include "tests/fuzz/stop.h"

using srt::platform::darwin::Violation;
using srt::platform::darwin::ViolationLog;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ViolationLog whole("srt_1"), pieces("srt_1");
  const std::vector<Violation> at_once = whole.feed(text);
  std::vector<Violation> by_byte;
  for (size_t i = 0; i < size; ++i) {
    for (Violation& violation : pieces.feed(text.substr(i, 1))) {
      by_byte.push_back(std::move(violation));
    }
  }
  if (at_once != by_byte) stop("pieces make a difference", text);
  for (const Violation& violation : at_once) {
    if (violation.program.empty() || violation.program.size() > 64) stop("a program's name", text);
    if (violation.operation.empty() || violation.operation.size() > 64) stop("an operation", text);
    if (violation.target.size() > ViolationLog::kMaxLine) stop("a target without a limit", text);
    if (violation.target.find('\n') != violation.target.npos) stop("a line in a line", text);
  }
  return 0;
}
