// Documents → one policy: layers that only narrow.
#pragma once

#include <vector>

#include "oci/error.h"
#include "runtime/policy.h"
#include "runtime/policy_document.h"

namespace srt::runtime {

// What the policy is for. A container without network rules keeps its own network, and takes no key
// that is not about the network yet; a command of `srt` without rules reaches nothing, and its other
// keys are read by whoever runs it.
enum class PolicySubject { kContainer, kCommand };

// Without a hash. Pure; the documents are in the order of load_policy_documents() or of
// load_command_documents().
Result<EffectivePolicy> merge_documents(const std::vector<PolicyDocument>& documents,
                                        PolicySubject subject = PolicySubject::kContainer);

}  // namespace srt::runtime
