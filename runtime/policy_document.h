// The documents that an effective policy is made of, each with who wrote it and where.
#pragma once

#include <string>
#include <vector>

#include "oci/error.h"
#include "runtime/policy.h"
#include "runtime/policy_file.h"
#include "runtime/settings.h"

namespace srt::runtime {

struct PolicyDocument {
  std::string origin;  // "srt.json", "annotation dev.srt.policy", "/etc/srt/policy.json"
  PolicyAuthor author = PolicyAuthor::kBundle;
  Settings settings;
  // The shorthand dev.srt.network.deniedDomains does not say what is allowed; every document does.
  bool states_allowed = true;
  bool over_project = false;  // the user's last word: what it allows, the project cannot take away
};

// The most senior first. The bundle's are one author's, and are taken together.
Result<std::vector<PolicyDocument>> load_policy_documents(const PolicySources& sources);

}  // namespace srt::runtime
