// Which build this is.
#pragma once

#include <string>

namespace srt::shim {

// "srt-runtime version 0.1.0\nspec: 1.3.0\ncommit: …\n"; dockerd reads it line by line, the first
// one by its place.
std::string version_text();

}  // namespace srt::shim
