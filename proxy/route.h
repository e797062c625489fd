// Which way leads to an allowed destination: straight, or through a proxy that the policy names.
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/audit_event.h"
#include "proxy/decision.h"
#include "proxy/policy.h"

namespace srt::proxy {

struct Route {
  enum class Kind { kDirect, kHttpProxy, kSocksProxy, kUnixProxy };
  Kind kind = Kind::kDirect;
  std::string proxy_host;  // as in the policy: a name or an address; kUnixProxy: the socket's path
  uint16_t proxy_port = 0;
  std::string authorization;  // a secret: not logged
  bool speaks_http() const { return kind == Kind::kHttpProxy || kind == Kind::kUnixProxy; }
  bool operator==(const Route&) const = default;
};

// `plain_http`: a request that is judged and forwarded by itself, as opposed to a tunnel.
Route choose_route(const EgressPolicy& policy, Way way, const Destination& destination,
                   bool plain_http);

// mitmProxy names it: it must not be reached in any other way.
bool takes_unix_proxy(const EgressPolicy& policy, const Destination& destination);

// This host itself, and noProxy: "*", a host with everything below it ("example.com", ".example.com"), each
// with ":port" or without, an address or a network.
bool bypasses_parent(const EgressPolicy& policy, const Destination& destination);

}  // namespace srt::proxy
