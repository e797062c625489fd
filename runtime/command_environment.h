// What a command under `srt` finds in its environment, but for the proxy variables (proxy_environment.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/sandbox_policy.h"

namespace srt::runtime {

// In memory, private, gone with the sandbox however that ends; below /dev/shm, where a mount point can be
// made without touching the host.
inline constexpr const char* kTmpdir = "/dev/shm/tmp";

// From the caller's: without what the policy denies, with what the sandbox says of itself.
std::vector<std::string> command_environment(const SandboxPolicy& policy,
                                             std::vector<std::string> environment);

// Of the first one of that name, as getenv(3); empty: there is none.
std::string value_of(const std::vector<std::string>& environment, std::string_view name);

}  // namespace srt::runtime
