// Standard input, output and error, which the command gets as they are: of the host's tree, or its network, whatever
// is mounted and guarded inside.
#pragma once

#include "oci/error.h"
#include "runtime/sandbox_policy.h"

namespace srt::shim {

// An error where the command would reach more through one of them than the rules let it, and nobody would see to that.
Result<void> check_streams(const runtime::SandboxPolicy& policy);

}  // namespace srt::shim
