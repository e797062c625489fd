// The characters of an HTTP token, in a method or a field's name. RFC 9110 §5.6.2.
#pragma once

#include <string_view>

namespace srt::proxy {

constexpr bool is_token_character(unsigned char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         kMarks.find(static_cast<char>(c)) != kMarks.npos;
}

}  // namespace srt::proxy
