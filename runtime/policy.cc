#include "runtime/policy.h"

#include <algorithm>

#include "runtime/policy_document.h"
#include "runtime/policy_merge.h"
#include "runtime/sha256.h"
#include "runtime/unix_sockets.h"
#include "runtime/written_rules.h"

namespace srt::runtime {

namespace {

// The mounts that hold them are made, and nobody outside can change them.
Result<void> check_replacement(const PolicyDocument& document) {
  WrittenLayer layer;
  bool states = false;
  add_written_rules(document, layer, states);
  if (layer.rules.empty() && !states) return {};
  return fail(document.origin,
              "/filesystem: the filesystem rules of a running container cannot be changed",
              "leave them out: those that it was created with stay");
}

}  // namespace

Result<EffectivePolicy> effective_policy(const PolicySources& sources) {
  SRT_ASSIGN(const std::vector<PolicyDocument> documents, load_policy_documents(sources));
  if (!sources.replacement.empty()) SRT_TRY(check_replacement(documents.back()));
  SRT_ASSIGN(EffectivePolicy policy, merge_documents(documents));
  SRT_TRY(locate_unix_proxy(policy.egress, ""));
  policy.hash = sha256_hex(to_json(policy, Secrets::kHidden));
  return policy;
}

Result<void> check_enforceable(const EffectivePolicy& policy, const oci::Spec& spec) {
  if (!policy.present) return {};
  if (spec.linux_ && spec.linux_->namespaces) {
    const std::vector<oci::Namespace>& namespaces = *spec.linux_->namespaces;
    const bool own = std::any_of(namespaces.begin(), namespaces.end(), [](const auto& ns) {
      return ns.type == oci::NamespaceType::kNetwork;
    });
    if (own) return {};
  }
  const std::string origin = policy.sources.empty() ? "the policy" : policy.sources.back();
  return fail("config.json: /linux/namespaces",
              "has no network namespace, so that the network rules of " + origin +
                  " could not be enforced on the host's network",
              R"(add {"type": "network"}; engines: not with --network host)");
}

}  // namespace srt::runtime
