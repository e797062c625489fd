// Which addresses are never dialled, whatever name led to them: the host itself, its network's plumbing
// and cloud metadata (SSRF, DNS rebinding). Judges the very address that is dialled.
#pragma once

#include <string>
#include <vector>

#include "proxy/decision.h"
#include "proxy/ip_address.h"
#include "proxy/policy.h"

namespace srt::proxy {

struct AddressVerdict {
  bool allowed = false;
  std::string reason;  // "loopback", "link-local", "cloud metadata", "an address of this host", …
  bool operator==(const AddressVerdict&) const = default;
};

// `own` holds the addresses of the interfaces of the namespaces that we dial from (kept fresh by the
// caller). `verdict` is decide()'s for the destination. To an address that every layer allows literally neither the
// built-in list nor deniedResolvedAddresses applies, only the deny list's literals; to those of localhost, with
// explicit_address, the built-in list does not.
AddressVerdict judge_address(const EgressPolicy& policy, const Verdict& verdict,
                             const IpAddress& address, uint16_t port,
                             const std::vector<IpAddress>& own);

}  // namespace srt::proxy
