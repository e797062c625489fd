// Which keys of a policy document hold for a container.
#pragma once

#include <string>
#include <vector>

#include "runtime/settings.h"

namespace srt::runtime {

// Keys that ask for something that nothing would hold: errors, since they must not look as if they held.
std::vector<std::string> unenforced_keys(const Settings& settings);

// Keys that ask for nothing here, or for less strictness than there is: notes.
std::vector<std::string> ineffective_keys(const Settings& settings);

}  // namespace srt::runtime
