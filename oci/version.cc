#include "oci/version.h"

#include <charconv>

namespace srt::oci {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_identifier_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

// A number without leading zeros at the front of `text`, which it is taken off.
bool take_number(std::string_view& text, uint32_t& out) {
  if (text.empty() || !is_digit(text[0])) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const auto size = static_cast<size_t>(end - text.data());
  if (error != std::errc() || (size > 1 && text[0] == '0')) return false;
  text.remove_prefix(size);
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Identifiers separated by dots, none empty; numbers among them have no leading zeros where
// `strict_numbers` says so (a prerelease, not a build).
bool are_identifiers(std::string_view text, bool strict_numbers) {
  while (true) {
    const std::string_view identifier = text.substr(0, text.find('.'));
    if (identifier.empty()) return false;
    bool all_digits = true;
    for (char c : identifier) {
      if (!is_identifier_character(c)) return false;
      all_digits = all_digits && is_digit(c);
    }
    if (strict_numbers && all_digits && identifier.size() > 1 && identifier[0] == '0') return false;
    if (identifier.size() == text.size()) return true;
    text.remove_prefix(identifier.size() + 1);
  }
}

}  // namespace

std::optional<Version> parse_version(std::string_view text) {
  Version version;
  if (!take_number(text, version.major) || !take(text, '.') || !take_number(text, version.minor) ||
      !take(text, '.') || !take_number(text, version.patch)) {
    return std::nullopt;
  }
  if (take(text, '-')) {
    version.prerelease = text.substr(0, text.find('+'));
    if (!are_identifiers(version.prerelease, true)) return std::nullopt;
    text.remove_prefix(version.prerelease.size());
  }
  if (take(text, '+')) {
    version.build = text;
    if (!are_identifiers(version.build, false)) return std::nullopt;
    text = {};
  }
  if (!text.empty()) return std::nullopt;
  return version;
}

}  // namespace srt::oci
