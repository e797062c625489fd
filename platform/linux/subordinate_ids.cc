#include "platform/linux/subordinate_ids.h"

#include <charconv>
#include <optional>
#include <sstream>

#include "platform/fd.h"

namespace srt::platform {
namespace {

std::optional<uint32_t> number(const std::string& text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// Lines of at least `count` fields between colons.
std::vector<std::vector<std::string>> records(const std::string& file, size_t count) {
  std::vector<std::vector<std::string>> found;
  auto text = read_file(file);
  if (!text) return found;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields;
    std::istringstream parts(line);
    for (std::string field; std::getline(parts, field, ':');) fields.push_back(field);
    if (fields.size() >= count && line[0] != '#') found.push_back(std::move(fields));
  }
  return found;
}

}  // namespace

std::string user_name(uid_t uid) {
  for (const auto& fields : records("/etc/passwd", 3)) {
    if (number(fields[2]) == uid) return fields[0];
  }
  return "";
}

std::vector<SubordinateRange> subordinate_ranges(const std::string& file, uid_t uid) {
  const std::string name = user_name(uid);
  std::vector<SubordinateRange> ranges;
  for (const auto& fields : records(file, 3)) {
    const auto first = number(fields[1]), count = number(fields[2]);
    const bool mine = fields[0] == std::to_string(uid) || (!name.empty() && fields[0] == name);
    if (mine && first && count && *count > 0) ranges.push_back({*first, *count});
  }
  return ranges;
}

}  // namespace srt::platform
