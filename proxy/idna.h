// Unicode host names to A-labels (RFC 5891, UTS #46 non-transitional), for the characters whose mapping
// is beyond doubt: what another implementation could map otherwise is refused, so that the name that is
// judged is the name that anybody would look up. The way out is to write the A-label ("xn--…").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace srt::proxy {

// The characters of a whole host, mapped: lower case, any full stop as '.', fullwidth forms as ASCII.
// Empty: not UTF-8, or a character that has no exact mapping (combining marks, joiners, ligatures,
// unassigned ones …).
std::optional<std::u32string> map_host(std::string_view utf8);

// One mapped label: itself if it is ASCII, else "xn--" and Punycode (RFC 3492). Empty: a label that is
// "xn--…" and not ASCII, or longer than 63 bytes.
std::optional<std::string> to_a_label(std::u32string_view label);

}  // namespace srt::proxy
