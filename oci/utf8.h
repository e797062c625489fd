// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace srt::oci {

// The length in bytes of the well-formed sequence that `text` starts with; 0 where there is none.
constexpr size_t utf8_sequence(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const size_t size = lead >= 0xc2 && lead <= 0xdf   ? 2
                      : lead >= 0xe0 && lead <= 0xef ? 3
                      : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                     : 0;
  if (size == 0 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xf0 && at(1) < 0x90);
  const bool surrogate = lead == 0xed && at(1) > 0x9f;
  const bool too_high = lead == 0xf4 && at(1) > 0x8f;
  return overlong || surrogate || too_high ? 0 : size;
}

// Takes the first character off `text`, which is not empty. A byte that begins none is one by itself, above all
// code points: a name of a file need not be UTF-8.
constexpr char32_t take_character(std::string_view& text) {
  constexpr char32_t kAboveAll = 0x110000;
  const size_t size = utf8_sequence(text);
  const auto lead = static_cast<unsigned char>(text[0]);
  char32_t character = size == 0 ? kAboveAll + lead : size == 1 ? lead : lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  text.remove_prefix(size == 0 ? 1 : size);
  return character;
}

}  // namespace srt::oci
