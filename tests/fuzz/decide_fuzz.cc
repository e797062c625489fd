// A policy and destinations from one text: lines "+pattern" and "-pattern" make a layer, "=" begins the
// next, "!network" denies addresses, and each other line is a destination.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/address_guard.h"
#include "proxy/decision.h"
#include "stop.h"

namespace {

using namespace srt::proxy;  // NOLINT: a program of one file

const Rule* match(const std::vector<Rule>& rules, const Destination& to) {
  for (const Rule& rule : rules) {
    if (rule.pattern.matches(to.host, to.port)) return &rule;
  }
  return nullptr;
}

// By every layer, as the address that it is: then it may lie in a denied network.
bool is_listed(const EgressPolicy& policy, const IpAddress& address, uint16_t port) {
  return std::all_of(policy.layers.begin(), policy.layers.end(), [&](const RuleLayer& layer) {
    return std::any_of(layer.allowed.begin(), layer.allowed.end(), [&](const Rule& rule) {
      return !rule.pattern.host.is_name() && rule.pattern.matches(Host{address}, port);
    });
  });
}

void check(const EgressPolicy& policy, const Destination& to, std::string_view input) {
  const Verdict verdict = decide(policy, to);
  if (!(decide(policy, to) == verdict)) stop("two answers to one question", input);
  if (!verdict.allowed && verdict.reason.empty()) stop("a denial without a reason", input);
  if (!verdict.allowed && verdict.explicit_address)
    stop("an explicit choice that is denied", input);
  if (verdict.allowed && (policy.layers.empty() || to.port == 0)) stop("allowed by nothing", input);
  for (const RuleLayer& layer : policy.layers) {
    if (!verdict.allowed) break;
    if (match(layer.denied, to) != nullptr) stop("denied, and allowed all the same", input);
    const Rule* rule = match(layer.allowed, to);
    if (rule == nullptr) stop("allowed without a rule", input);
    if (!to.host.is_name() && rule->pattern.kind != DomainPattern::Kind::kExact)
      stop("a wildcard that matches an address", input);
  }
  if (to.host.is_name() && verdict.allowed && !decide_name(policy, to.host.name()).allowed)
    stop("reachable, and not resolved", input);

  const std::vector<IpAddress> some = {
      IpAddress{}, IpAddress::v4(0x7f000001), IpAddress::v4(0xa9fea9fe),
      to.host.is_name() ? IpAddress::v4(0x5db8d822) : to.host.address()};
  for (const IpAddress& address : some) {
    const AddressVerdict dialled = judge_address(policy, verdict, address, to.port, {});
    if (dialled.allowed != dialled.reason.empty()) stop("a refusal without a reason", input);
    for (const IpNetwork& network : policy.denied_addresses) {
      if (dialled.allowed && network.contains(address) && !is_listed(policy, address, to.port))
        stop("a denied address is dialled", input);
    }
    const bool local =
        address.is_v4() && (address.to_v4() >> 24 == 127 || address.to_v4() == 0xa9fea9fe);
    const bool chosen = (to.host.is_localhost() && address == IpAddress::v4(0x7f000001)) ||
                        decide(policy, {Host{address}, to.port}).allowed;
    if (dialled.allowed && local && !chosen)
      stop("loopback or metadata without a literal rule", input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  EgressPolicy policy;
  std::vector<Destination> destinations;
  for (std::string_view rest = input; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) continue;
    const std::string_view value = line.substr(1);
    if (line[0] == '=' || policy.layers.empty()) policy.layers.emplace_back();
    if (line[0] == '+' || line[0] == '-') {
      const PatternList list = line[0] == '+' ? PatternList::kAllow : PatternList::kDeny;
      const auto pattern = DomainPattern::parse(value, list);
      auto& layer = policy.layers.back();
      if (pattern) (line[0] == '+' ? layer.allowed : layer.denied).push_back({*pattern, "", ""});
    } else if (line[0] == '!') {
      if (const auto network = IpNetwork::parse(value)) policy.denied_addresses.push_back(*network);
    } else if (const auto to = canonical_host_port(line)) {
      destinations.push_back({to->host, to->port.value_or(443)});
    }
  }
  if (destinations.size() > 8) destinations.resize(8);
  for (const Destination& to : destinations) {
    check(policy, to, input);
    check({}, to, input);
  }
  return 0;
}
