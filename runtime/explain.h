// A SandboxPolicy for people and for programs: every rule with the document that it stands in.
#pragma once

#include <string>

#include "oci/write.h"
#include "runtime/sandbox_policy.h"

namespace srt::runtime {

// Lines of text, each with a newline. Names from documents are printed with escapes.
std::string explain(const SandboxPolicy& policy);

// The same as JSON. Secrets (a parent proxy's password) are left out.
std::string to_json(const SandboxPolicy& policy, oci::Layout layout);

}  // namespace srt::runtime
