// A policy as what a program may use of the host, for platforms without mounts (platform/host_access.h).
#pragma once

#include "platform/host_access.h"
#include "runtime/sandbox_policy.h"

namespace srt::runtime {

// Of rules as they are resolved now; looks at how much of a path that does not exist is there.
platform::FilesystemAccess filesystem_access(const FilesystemRules& rules);

platform::HostAccess host_access(const SandboxPolicy& policy);

}  // namespace srt::runtime
