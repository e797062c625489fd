// Signals as people and engines write them.
#pragma once

#include <string_view>

#include "oci/error.h"

namespace srt::runtime {

// "TERM", "SIGTERM", "term", "15", "RTMIN+3", "SIGRTMAX-1". Not 0, which only asks.
Result<int> parse_signal(std::string_view text);

}  // namespace srt::runtime
