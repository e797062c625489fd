// What ordinary programs need of the system besides files and the network: the runtime linker, libc, the
// directory of users, locale and keychain lookups. Nothing of it reaches another process of the user's.
#pragma once

#include <vector>

#include "platform/darwin/access.h"
#include "platform/darwin/profile.h"

namespace srt::platform::darwin {

std::vector<Rule> base_rules();
// Those that a policy asks for: Mach services, Apple events, trustd, terminals.
std::vector<Rule> asked_rules(const HostAccess& host);

}  // namespace srt::platform::darwin
