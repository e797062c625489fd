// What a container may reach, all said and done: the operator's policy, the bundle's, and where each
// rule came from.
//
//   PolicySources sources;
//   sources.bundle = bundle.dir;
//   sources.annotations = spec.annotations.value_or(…);
//   SRT_ASSIGN(EffectivePolicy policy, effective_policy(sources));
//   SRT_TRY(check_enforceable(policy, spec));   // before anything is made
//   to_json(policy, Secrets::kShown)            // for the monitor, which calls parse_effective_policy()
//
// An operator's policy is a ceiling: what a bundle says may narrow it, never widen it. Where there is a
// ceiling with network rules, a bundle that says nothing is under it all the same; where nobody says
// anything about the network, no policy is present and the container has the network of its config.json.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "oci/write.h"
#include "proxy/policy.h"
#include "runtime/settings.h"

namespace srt::runtime {

inline constexpr char kOperatorPolicy[] = "/etc/srt/policy.json";
inline constexpr char kBundlePolicy[] = "srt.json";  // beside config.json

struct AuditPolicy {
  std::string file;  // absolute; empty: audit.log in the container's state directory
  uint64_t max_bytes = uint64_t{64} << 20;
  uint32_t keep = 1;
  bool operator==(const AuditPolicy&) const = default;
};

struct EffectivePolicy {
  bool present = false;  // whether the network is guarded at all
  proxy::EgressPolicy egress;
  AuditPolicy audit;
  std::vector<PublishedPort> publish;
  std::vector<std::string> sources;  // the documents that were read, the most senior first
  std::vector<std::string> notes;    // what was accepted and has no effect here, one line each
  std::string hash;                  // SHA-256 of to_json(…, kHidden) without itself
  bool operator==(const EffectivePolicy&) const = default;
};

struct PolicySources {
  std::string bundle;  // directory; empty: none
  std::map<std::string, std::string> annotations;
  std::string operator_file = kOperatorPolicy;  // none if it does not exist; empty: none
  std::string policy_file;                      // --policy: a second ceiling, which must exist
  std::string replacement;  // `update --policy`: in place of all that the bundle says
};

// Every mistake of a document at once; every widening at once.
Result<EffectivePolicy> effective_policy(const PolicySources& sources);

// A network policy needs a network namespace: on the host's own network nothing could hold it.
Result<void> check_enforceable(const EffectivePolicy& policy, const oci::Spec& spec);

// Parent proxies can have a password. kHidden is for people, and cannot be read back if there is one.
enum class Secrets { kHidden, kShown };
std::string to_json(const EffectivePolicy& policy, Secrets secrets,
                    oci::Layout layout = oci::Layout::kCompact);
void write_policy(oci::JsonWriter& writer, const EffectivePolicy& policy, Secrets secrets);
Result<EffectivePolicy> parse_effective_policy(std::string_view json, const std::string& object);

}  // namespace srt::runtime
