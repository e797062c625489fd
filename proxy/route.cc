#include "proxy/route.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace srt::proxy {
namespace {

constexpr const char* kThisHost = "127.0.0.1";

bool covers(std::string_view entry, const Destination& destination) {
  if (entry == "*") return true;
  if (const auto network = IpNetwork::parse_around(entry)) {
    return !destination.host.is_name() && network->contains(destination.host.address());
  }
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  if (entry.starts_with('.')) entry.remove_prefix(1);
  const auto wanted = canonical_host_port(entry);
  if (!wanted || (wanted->port && *wanted->port != destination.port)) return false;
  if (wanted->host == destination.host) return true;
  if (!wanted->host.is_name() || !destination.host.is_name()) return false;
  return destination.host.name().ends_with("." + wanted->host.name());
}

bool is_loopback(const Host& host) {
  static const IpNetwork v4 = IpNetwork::parse("127.0.0.0/8").value();
  static const IpNetwork v6 = IpNetwork::parse("::1").value();
  if (host.is_name()) return host.is_localhost();
  return v4.contains(host.address()) || v6.contains(host.address());
}

std::optional<Route> external(const EgressPolicy& policy, Way way) {
  Route http;
  http.kind = Route::Kind::kHttpProxy;
  http.proxy_host = kThisHost;
  http.proxy_port = policy.external_http_port.value_or(0);
  Route socks = http;
  socks.kind = Route::Kind::kSocksProxy;
  socks.proxy_port = policy.external_socks_port.value_or(0);
  // Whoever names one of the two wants everything to pass it: the other ways take it as well.
  const bool speaks_http = way == Way::kHttp || way == Way::kConnect;
  const Route& first = speaks_http ? http : socks;
  const Route& second = speaks_http ? socks : http;
  if (first.proxy_port != 0) return first;
  if (second.proxy_port != 0) return second;
  return std::nullopt;
}

}  // namespace

bool takes_unix_proxy(const EgressPolicy& policy, const Destination& destination) {
  return policy.mitm && std::any_of(policy.mitm->domains.begin(), policy.mitm->domains.end(),
                                    [&](const DomainPattern& pattern) {
                                      return pattern.matches(destination.host, destination.port);
                                    });
}

bool bypasses_parent(const EgressPolicy& policy, const Destination& destination) {
  // What is on this host is not reached through another one.
  if (is_loopback(destination.host)) return true;
  return std::any_of(policy.parent_bypass.begin(), policy.parent_bypass.end(),
                     [&](const std::string& entry) { return covers(entry, destination); });
}

Route choose_route(const EgressPolicy& policy, Way way, const Destination& destination,
                   bool plain_http) {
  if (takes_unix_proxy(policy, destination)) {
    Route route;
    route.kind = Route::Kind::kUnixProxy;
    route.proxy_host = policy.mitm->socket_path;
    return route;
  }
  if (auto route = external(policy, way)) return *std::move(route);
  const std::optional<ParentProxy>& parent = plain_http ? policy.parent_http : policy.parent_https;
  if (!parent || bypasses_parent(policy, destination)) return {};
  Route route;
  route.kind = Route::Kind::kHttpProxy;
  route.proxy_host = parent->host;
  route.proxy_port = parent->port;
  route.authorization = parent->authorization;
  return route;
}

}  // namespace srt::proxy
