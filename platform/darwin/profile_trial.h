// A profile is compiled by sandbox-exec, in the program's own process, where nobody hears of an error but
// whoever reads the program's stderr. So each one is tried before there is a program.
#pragma once

#include <string>

#include "oci/error.h"

namespace srt::platform::darwin {

// Runs /usr/bin/true under it. Error: macOS does not take it, or makes no sandbox here.
Result<void> try_profile(const std::string& profile);

}  // namespace srt::platform::darwin
