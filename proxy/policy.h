// What a sandbox may reach: data. Made by runtime/ from settings, bundles and annotations; judged by
// decision.h and address_guard.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/domain_pattern.h"
#include "proxy/ip_address.h"

namespace srt::proxy {

struct Rule {
  DomainPattern pattern;
  std::string
      origin;  // "srt.json", "annotation dev.srt.network.allowedDomains", "/etc/srt/policy.json"
  std::string reason;  // deniedDomainReasons: shown in the denial; may be empty
  bool operator==(const Rule&) const = default;
};

// One settings file's rules. A destination must be allowed by every layer, and denied by none.
struct RuleLayer {
  std::vector<Rule> allowed, denied;
  bool operator==(const RuleLayer&) const = default;
};

struct ParentProxy {
  std::string host;  // name or address, as in the URL
  uint16_t port = 0;
  std::string
      authorization;  // value of Proxy-Authorization ("Basic …"); empty: none. A secret: not logged.
  bool operator==(const ParentProxy&) const = default;
};

// mitmProxy: an HTTP proxy at a unix socket, for the destinations that one of `domains` matches.
struct UnixProxy {
  std::string socket_path;  // absolute
  std::vector<DomainPattern> domains;
  bool operator==(const UnixProxy&) const = default;
};

// "Set_Cookie", "set.cookie" and "Set-Cookie" are one header to those who read it.
std::string folded_header(std::string_view name);

// tlsTerminate: TLS in tunnels is opened, so that its requests are seen (terminated.h).
struct TlsTermination {
  std::vector<DomainPattern> excluded;  // to these it goes through as it is
  uint32_t max_tunnels = 256;
  uint32_t handshake_ms = 10'000;  // from the tunnel's beginning, for both handshakes
  bool operator==(const TlsTermination&) const = default;
};

struct EgressPolicy {
  std::vector<RuleLayer> layers;  // none: everything is denied
  std::vector<IpNetwork>
      denied_addresses;  // deniedResolvedAddresses: judged on resolved addresses too
  std::optional<ParentProxy> parent_http;   // parentProxy: for plain HTTP requests
  std::optional<ParentProxy> parent_https;  // and for everything tunnelled
  std::vector<std::string> parent_bypass;   // noProxy: host suffixes, addresses, networks; "*"
  std::optional<UnixProxy> mitm;            // before all other ways: these go nowhere else
  std::optional<uint16_t>
      external_http_port;  // httpProxyPort: after deciding, relay there (127.0.0.1)
  std::optional<uint16_t> external_socks_port;  // socksProxyPort
  bool strict = false;  // strictAllowlist: no rule means deny, and nobody is asked
  std::optional<TlsTermination> tls;
  // refuseOpaqueTunnels: what is not seen into does not pass: only plain HTTP does, and TLS that is terminated.
  bool refuse_opaque = false;
  // stripResponseHeaders: of HTTP that is seen, never passed back to the client; as folded_header() spells them.
  std::vector<std::string> stripped_headers;
  bool operator==(const EgressPolicy&) const = default;
};

}  // namespace srt::proxy
