#include "runtime/settings_quantities.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace srt::runtime {
namespace {

constexpr uint32_t kMaxCpus = 1'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The digits that `text` starts with, taken off it.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  if (text.empty() || !is_digit(text[0])) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  const std::optional<uint64_t> number = take_number(text);
  if (!number || *number == 0) return {};
  unsigned shift = 0;
  if (!text.empty() && text[0] != 'b' && text[0] != 'B') {
    switch (text[0] | 0x20) {
      case 'k': shift = 10; break;
      case 'm': shift = 20; break;
      case 'g': shift = 30; break;
      case 't': shift = 40; break;
      default: return {};
    }
    text.remove_prefix(1);
    if (text == "i" || text == "I") return {};
    if (!text.empty() && (text[0] | 0x20) == 'i') text.remove_prefix(1);
  }
  if (text == "b" || text == "B") text.remove_prefix(1);
  if (!text.empty() || (*number << shift) >> shift != *number) return {};
  // cgroup files hold signed numbers of pages: nothing above 2^63 - 1 can be written to them.
  const uint64_t bytes = *number << shift;
  return bytes >> 63 == 0 ? std::optional(bytes) : std::nullopt;
}

std::optional<uint32_t> parse_milli(std::string_view text) {
  const std::optional<uint64_t> whole = take_number(text);
  if (!whole || *whole > kMaxCpus) return {};
  uint64_t milli = *whole * 1000;
  if (!text.empty()) {
    if (text[0] != '.' || text.size() < 2 || text.size() > 4) return {};
    uint64_t weight = 100;
    for (char c : text.substr(1)) {
      if (!is_digit(c)) return {};
      milli += weight * static_cast<uint64_t>(c - '0');
      weight /= 10;
    }
  }
  if (milli == 0 || milli > uint64_t{kMaxCpus} * 1000) return {};
  return static_cast<uint32_t>(milli);
}

std::optional<std::string> number_or_text(oci::Value value) {
  switch (value.kind()) {
    case oci::Kind::kUnsigned: return std::to_string(value.natural());
    case oci::Kind::kReal:
    case oci::Kind::kString: return std::string(value.text());
    case oci::Kind::kNull:
    case oci::Kind::kBool:
    case oci::Kind::kNegative:
    case oci::Kind::kArray:
    case oci::Kind::kObject: return {};
  }
  return {};
}

}  // namespace

void check_range(const oci::Path& path, const std::optional<uint32_t>& number, uint32_t min,
                 uint32_t max, oci::Diagnostics& diagnostics) {
  if (!number || (*number >= min && *number <= max)) return;
  diagnostics.add_new(path, "must be between " + std::to_string(min) + " and " +
                                std::to_string(max) + ", got " + std::to_string(*number));
}

void read_value(oci::Reader& reader, const oci::Path& path, oci::Value value, ByteCount& out) {
  const std::optional<std::string> text = number_or_text(value);
  const std::optional<uint64_t> bytes = text ? parse_bytes(*text) : std::nullopt;
  if (!bytes)
    return reader.wanted(path, R"(a number of bytes above zero, or such as "512m")", value);
  out.bytes = *bytes;
}

void write(oci::JsonWriter& writer, const ByteCount& count) { writer.value(count.bytes); }

void read_value(oci::Reader& reader, const oci::Path& path, oci::Value value, CpuCount& out) {
  const std::optional<std::string> text = number_or_text(value);
  const std::optional<uint32_t> milli = text ? parse_milli(*text) : std::nullopt;
  if (!milli) return reader.wanted(path, "a number of CPUs above zero, such as 2 or 1.5", value);
  out.milli = *milli;
}

void write(oci::JsonWriter& writer, const CpuCount& count) {
  const uint32_t whole = count.milli / 1000;
  if (count.milli % 1000 == 0) return writer.value(uint64_t{whole});
  // A text: JSON numbers with a fraction are not exact for every reader.
  const std::string fraction = std::to_string(1000 + count.milli % 1000).substr(1);
  writer.value(std::string_view(std::to_string(whole) + "." + fraction));
}

}  // namespace srt::runtime
