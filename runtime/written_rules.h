// A document's filesystem rules as they are written: `filesystem`, and Read and Edit of `permissions`.
#pragma once

#include "runtime/filesystem_rules.h"
#include "runtime/policy_document.h"

namespace srt::runtime {

// Adds to `layer`. `states_writes` becomes true where the document says what may be written.
void add_written_rules(const PolicyDocument& document, WrittenLayer& layer, bool& states_writes);

}  // namespace srt::runtime
