// What a sidecar gives up before it looks at the first hostile byte. `layer` names it in errors.
#pragma once

#include <cstdint>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::platform {

// Of the host's root: an own user id, which also becomes the owner of `folder`; -1: of none.
Result<void> become_nobody_else(const char* layer, int folder);
// And every way to get one back; not dumpable. `kept`: a set of the first 32, of those that it has.
Result<void> drop_capabilities(const char* layer, uint32_t kept = 0);
Result<void> filter_calls(const char* layer, const oci::Seccomp& allowed);

}  // namespace srt::platform
