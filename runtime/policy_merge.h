// Documents → one policy: layers that only narrow.
#pragma once

#include <vector>

#include "oci/error.h"
#include "runtime/policy.h"
#include "runtime/policy_document.h"

namespace srt::runtime {

// Without a hash. Pure; the documents are in the order of load_policy_documents().
Result<EffectivePolicy> merge_documents(const std::vector<PolicyDocument>& documents);

}  // namespace srt::runtime
