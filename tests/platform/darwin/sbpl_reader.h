// Scheme data as text: lists, symbols and strings of a Seatbelt profile.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"

namespace srt::test {

struct SbplForm {
  enum class Kind { kSymbol, kString, kList };
  Kind kind = Kind::kList;
  std::string text;
  std::vector<SbplForm> items;

  bool is_symbol(std::string_view word) const { return kind == Kind::kSymbol && text == word; }
};

// All forms of a profile. "…" with \n \t \r \" \\ and \xHH (two digits), #"…" where only \" is special,
// ; up to the end of a line.
Result<std::vector<SbplForm>> read_sbpl(std::string_view text);

}  // namespace srt::test
