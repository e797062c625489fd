#include "platform/host_mounts.h"

#include <utility>

namespace srt::platform {
namespace {

// Blanks, newlines and backslashes are written in octal: "\040".
std::string unescape(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    size_t taken = 1;
    char c = text[0];
    const bool octal = c == '\\' && text.size() >= 4 &&
                       text.substr(1, 3).find_first_not_of("01234567") == text.npos;
    if (octal) {
      c = static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      taken = 4;
    }
    plain += c;
    text.remove_prefix(taken);
  }
  return plain;
}

std::string_view next_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size() < line.size() ? word.size() + 1 : line.size());
  return word;
}

}  // namespace

std::vector<HostMount> parse_mountinfo(std::string_view text) {
  std::vector<HostMount> mounts;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
    (void)next_word(line);  // its number
    (void)next_word(line);  // that of the mount below
    HostMount mount;
    mount.device = next_word(line);
    mount.root = unescape(next_word(line));
    mount.place = unescape(next_word(line));
    const size_t dash = line.find(" - ");  // behind options, in which there is no blank
    if (dash == line.npos || !mount.place.starts_with('/')) continue;
    const std::string_view options = line.substr(0, dash);
    mount.receives =
        options.find(" shared:") != options.npos || options.find(" master:") != options.npos;
    line.remove_prefix(dash + 3);
    mount.type = next_word(line);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

}  // namespace srt::platform
