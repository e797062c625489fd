// The section `network` of a policy document: see runtime/settings.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "oci/diagnostics.h"
#include "proxy/ip_address.h"
#include "proxy/policy.h"

namespace srt::runtime {

// Texts as they were written, checked by check_network().
struct ParentProxySettings {
  std::optional<std::string> http;   // URL
  std::optional<std::string> https;  // URL; none: as http
  std::optional<std::string> no_proxy;
  bool operator==(const ParentProxySettings&) const = default;
};

struct MitmProxySettings {
  std::string socket_path;
  std::vector<std::string> domains;
  bool operator==(const MitmProxySettings&) const = default;
};

struct TlsTerminateSettings {
  std::optional<std::string> ca_cert_path;
  std::optional<std::string> ca_key_path;
  std::optional<std::vector<std::string>> exclude_domains;
  std::optional<std::vector<std::string>> extra_ca_cert_paths;
  std::optional<uint32_t> max_tunnels;           // 1 to 65536
  std::optional<uint32_t> handshake_timeout_ms;  // 100 to 600000
  bool operator==(const TlsTerminateSettings&) const = default;
};

enum class AmbiguousTarget { kRefuse, kAsSpelled, kNormalize };

struct NetworkSettings {
  std::vector<std::string> allowed_domains;
  std::vector<std::string> denied_domains;
  // By the exact entry of deniedDomains that it explains.
  std::optional<std::map<std::string, std::string>> denied_domain_reasons;
  std::optional<bool> strict_allowlist;
  std::optional<std::vector<std::string>> denied_resolved_addresses;
  std::optional<std::vector<std::string>> allow_unix_sockets;
  std::optional<bool> allow_all_unix_sockets;
  std::optional<bool> allow_local_binding;
  std::optional<std::vector<std::string>> allow_mach_lookup;
  std::optional<uint16_t> http_proxy_port;
  std::optional<uint16_t> socks_proxy_port;
  std::optional<MitmProxySettings> mitm_proxy;
  std::optional<ParentProxySettings> parent_proxy;
  std::optional<TlsTerminateSettings> tls_terminate;
  std::optional<bool> allow_plaintext_header_set;
  std::optional<std::vector<std::string>> strip_response_headers;
  std::optional<bool> refuse_opaque_tunnels;
  std::optional<bool> require_host_match;
  std::optional<AmbiguousTarget> ambiguous_request_target;
  std::optional<std::vector<std::string>> publish;
  bool operator==(const NetworkSettings&) const = default;
};

// A port of the sandbox that the host can connect to: "8080" (both sides), "8080:80" (host:sandbox),
// "0.0.0.0:8080:80", "[::1]:8080:80". Without an address only the host's own loopback.
struct PublishedPort {
  proxy::IpAddress address;
  uint16_t host_port = 0;
  uint16_t port = 0;
  std::string to_text() const;  // canonical, all three parts
  bool operator==(const PublishedPort&) const = default;
};
tl::expected<PublishedPort, std::string> parse_published_port(std::string_view text);

// "http://user:password@host:port", or without "http://". The error never quotes the text: it may hold a
// password.
tl::expected<proxy::ParentProxy, std::string> parse_parent_proxy(std::string_view url);

// noProxy: the entries of a comma-separated list; host suffixes, addresses, networks or "*".
std::vector<std::string> split_list(std::string_view text);

void check_network(const oci::Path& path, const NetworkSettings& network,
                   oci::Diagnostics& diagnostics);

}  // namespace srt::runtime
