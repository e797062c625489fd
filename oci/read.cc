#include "oci/read.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace srt::oci {
namespace {

std::string between(const std::string& min, const std::string& max, Value found) {
  return "must be between " + min + " and " + max + ", got " + found.shown();
}

// What is written in digits only, but does not fit in 64 bits, is an integer out of range.
bool is_integer(Value value) {
  switch (value.kind()) {
    case Kind::kNegative:
    case Kind::kUnsigned: return true;
    case Kind::kReal:
      return value.text().find_first_not_of("-0123456789") == std::string_view::npos;
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kString:
    case Kind::kArray:
    case Kind::kObject: return false;
  }
  return false;
}

// "8080.0" and "8e3", where a closed document takes them: as a double, which is what JavaScript reads.
std::optional<uint64_t> natural_by_value(Value value) {
  // Above 2^53 a double is not the number that was written.
  constexpr double kExact = 9007199254740992;
  if (value.kind() != Kind::kReal) return {};
  const std::string text(value.text());
  const double number = std::strtod(text.c_str(), nullptr);
  if (!(number >= 0 && number < kExact) || number != std::floor(number)) return {};
  return static_cast<uint64_t>(number);
}

}  // namespace

void Reader::wanted(const Path& path, std::string_view what, Value found) {
  diagnostics_.add(path, "must be " + std::string(what) + ", got " + found.shown());
}

void Reader::refuse_unknown(const Path& path, Value object,
                            const std::vector<std::string_view>& known) {
  for (Value entry : object) {
    if (diagnostics_.full()) return;
    if (std::find(known.begin(), known.end(), entry.key()) != known.end()) continue;
    std::string text = "is not a known key";
    if (std::string_view name = nearest(entry.key(), known.data(), known.size()); !name.empty()) {
      text += " (did you mean " + in_quotes(name) + "?)";
    }
    diagnostics_.add(path / entry.key(), std::move(text));
  }
}

bool Reader::within_limit(const Path& path, Value container) {
  if (container.size() <= kMaxEntries) return true;
  diagnostics_.add(path, "must have at most " + std::to_string(kMaxEntries) + " entries, got " +
                             std::to_string(container.size()));
  return false;
}

void Reader::read(const Path& path, Value value, bool& out) {
  if (value.kind() != Kind::kBool) return wanted(path, "true or false", value);
  out = value.boolean();
}

void Reader::read(const Path& path, Value value, std::string& out) {
  if (value.kind() != Kind::kString) return wanted(path, "a string", value);
  out = value.text();
}

int64_t Reader::integer(const Path& path, Value value, int64_t min, int64_t max) {
  if (!is_integer(value)) {
    wanted(path, "an integer", value);
    return 0;
  }
  if (value.kind() == Kind::kNegative && value.negative() >= min) return value.negative();
  if (value.kind() == Kind::kUnsigned && value.natural() <= static_cast<uint64_t>(max)) {
    return static_cast<int64_t>(value.natural());
  }
  diagnostics_.add(path, between(std::to_string(min), std::to_string(max), value));
  return 0;
}

uint64_t Reader::natural(const Path& path, Value value, uint64_t max) {
  // In an open one they are none: encoding/json of Go refuses them, and a limit that two programs round
  // differently is no limit.
  if (openness_ == Openness::kClosed) {
    if (const auto number = natural_by_value(value)) {
      if (*number <= max) return *number;
      diagnostics_.add(path, between("0", std::to_string(max), value));
      return 0;
    }
  }
  if (!is_integer(value)) {
    wanted(path, "an integer", value);
    return 0;
  }
  if (value.kind() == Kind::kUnsigned && value.natural() <= max) return value.natural();
  diagnostics_.add(path, between("0", std::to_string(max), value));
  return 0;
}

}  // namespace srt::oci
