// May this destination be reached? No I/O, no clock, no state: the same question has the same answer.
//
//   Verdict v = decide(policy, {*canonical_host("api.example.com"), 443});
//   if (!v.allowed) deny(v.rule, v.reason);
//
// Says nothing of the addresses that a name resolves to: address_guard.h judges those.
#pragma once

#include <string>

#include "proxy/host.h"
#include "proxy/policy.h"

namespace srt::proxy {

struct Destination {
  Host host;
  uint16_t port = 0;
  bool operator==(const Destination&) const = default;
};

struct Verdict {
  bool allowed = false;
  std::string rule;    // the pattern that decided, as it was written; empty: none matched
  std::string origin;  // where that rule stands
  std::string reason;  // for a person: "no rule allows it", "denied by …", deniedDomainReasons
  // An address that the policy lists literally is an explicit choice, and so is localhost with what is below it:
  // the address guard lets exactly this destination pass.
  bool explicit_address = false;
  bool localhost = false;  // it is one of those names
  bool operator==(const Verdict&) const = default;
};

// Every layer: denied first, then allowed; no rule is a denial (fail closed), and so is no layer.
Verdict decide(const EgressPolicy& policy, const Destination& destination);

// Whether some port of `name` is allowed: what DNS needs to know. Denied for all ports is a denial.
Verdict decide_name(const EgressPolicy& policy, const std::string& name);

// Whether TLS to it is opened. Says nothing of whether it is allowed.
bool terminates(const EgressPolicy& policy, const Destination& destination);

}  // namespace srt::proxy
