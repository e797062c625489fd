#include "proxy/decision.h"

#include <algorithm>
#include <set>

namespace srt::proxy {
namespace {

Verdict denial(const Rule& rule) {
  const std::string reason =
      rule.reason.empty() ? "denied by \"" + rule.pattern.text + "\"" : rule.reason;
  return Verdict{false, rule.pattern.text, rule.origin, reason, false, false};
}

const Rule* first_match(const std::vector<Rule>& rules, const Host& host, uint16_t port) {
  const auto match = std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) {
    return rule.pattern.matches(host, port);
  });
  return match == rules.end() ? nullptr : &*match;
}

// A denied address is denied in each disguise: [64:ff9b::a00:1] reaches 10.0.0.1, too.
const Rule* first_denial(const RuleLayer& layer, const Destination& destination) {
  if (const Rule* rule = first_match(layer.denied, destination.host, destination.port)) return rule;
  if (destination.host.is_name()) return nullptr;
  const std::optional<IpAddress> inner = destination.host.address().inner_v4();
  return inner ? first_match(layer.denied, Host{*inner}, destination.port) : nullptr;
}

// Every port that a rule about `name` mentions, and one that none does: what is allowed for some port is
// allowed for one of these.
std::set<uint16_t> telling_ports(const EgressPolicy& policy, const Host& host) {
  std::set<uint16_t> ports;
  for (const RuleLayer& layer : policy.layers) {
    for (const std::vector<Rule>* rules : {&layer.allowed, &layer.denied}) {
      for (const Rule& rule : *rules) {
        const std::optional<uint16_t> port = rule.pattern.port;
        if (port && rule.pattern.matches(host, *port)) ports.insert(*port);
      }
    }
  }
  for (uint16_t other = 1; other != 0; ++other) {
    if (ports.insert(other).second) break;
  }
  return ports;
}

}  // namespace

Verdict decide(const EgressPolicy& policy, const Destination& destination) {
  if (destination.port == 0) return Verdict{false, "", "", "port 0 is no port", false, false};
  // Denials of all layers come first: no layer can allow what another one denies.
  for (const RuleLayer& layer : policy.layers) {
    if (const Rule* rule = first_denial(layer, destination)) return denial(*rule);
  }
  Verdict verdict{false, "", "", "no rule allows it", false, false};
  for (const RuleLayer& layer : policy.layers) {
    const Rule* rule = first_match(layer.allowed, destination.host, destination.port);
    if (rule == nullptr) return Verdict{false, "", "", "no rule allows it", false, false};
    // No wildcard matches an address.
    verdict = Verdict{true,
                      rule->pattern.text,
                      rule->origin,
                      "",
                      !destination.host.is_name() || destination.host.is_localhost(),
                      destination.host.is_localhost()};
  }
  return verdict;
}

Verdict decide_name(const EgressPolicy& policy, const std::string& name) {
  // A deny rule must not be missed because of a spelling.
  const tl::expected<Host, HostError> host = canonical_host(name);
  if (!host) return Verdict{false, "", "", to_string(host.error()), false, false};
  if (!host->is_name()) return Verdict{false, "", "", "an address is not a name", false, false};
  Verdict denied{false, "", "", "no rule allows it", false, false};
  for (uint16_t port : telling_ports(policy, *host)) {
    Verdict verdict = decide(policy, {*host, port});
    if (verdict.allowed) return verdict;
    if (denied.rule.empty()) denied = std::move(verdict);
  }
  return denied;
}

bool terminates(const EgressPolicy& policy, const Destination& destination) {
  if (!policy.tls) return false;
  const std::vector<DomainPattern>& excluded = policy.tls->excluded;
  return std::none_of(excluded.begin(), excluded.end(), [&](const DomainPattern& pattern) {
    return pattern.matches(destination.host, destination.port);
  });
}

}  // namespace srt::proxy
