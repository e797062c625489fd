// Other names of protected files.
#pragma once

#include <vector>

#include "platform/broker_rules.h"

namespace srt::platform {

// Links in the write roots that stand for a protected folder or file: what is written through them is
// judged by where it leads, so where they lead is protected too. Looks at the tops of the roots only;
// made by whoever is in the sandbox's mount namespace.
std::vector<PathAlias> find_aliases(const BrokerRules& rules);

}  // namespace srt::platform
