#include "runtime/proxy_environment.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/access_token.h"

namespace srt::runtime {
namespace {

using proxy::DomainPattern;
using proxy::IpNetwork;

constexpr std::string_view kJavaOptions = "JAVA_TOOL_OPTIONS";

struct Direct {
  std::string_view name;     // as NO_PROXY has it
  std::string_view network;  // the same, for IpNetwork; empty: a name
  bool loopback = false;     // what a rule for "localhost" opens
};

constexpr std::array kDirect = {
    Direct{"localhost", "", true},
    Direct{"127.0.0.1", "127.0.0.0/8", true},
    Direct{"::1", "::1", true},
    Direct{"169.254.0.0/16", "169.254.0.0/16"},
    Direct{"10.0.0.0/8", "10.0.0.0/8"},
    Direct{"172.16.0.0/12", "172.16.0.0/12"},
    Direct{"192.168.0.0/16", "192.168.0.0/16"},
};

// Whether a rule opens something within an entry of kDirect.
bool opens(const DomainPattern& pattern, const Direct& direct) {
  if (pattern.kind != DomainPattern::Kind::kExact) return false;
  if (pattern.host.is_name()) return pattern.host.name() == "localhost" && direct.loopback;
  const std::optional<IpNetwork> network = IpNetwork::parse(direct.network);
  return network && network->contains(pattern.host.address());
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

// nonProxyHosts knows "*" at either end, and no networks.
std::string java_direct(const std::vector<std::string>& direct) {
  std::vector<std::string> out;
  for (const std::string& name : direct) {
    if (name == "localhost" || name == "::1") {
      out.push_back(name == "::1" ? "[::1]" : name);
    } else if (name == "127.0.0.1") {
      out.emplace_back("127.*");
    } else if (name == "172.16.0.0/12") {
      for (int second = 16; second < 32; ++second) {
        out.push_back("172." + std::to_string(second) + ".*");
      }
    } else {
      // "10.0.0.0/8" → "10.*", "192.168.0.0/16" → "192.168.*"
      out.push_back(name.substr(0, name.find(".0.0")) + ".*");
    }
  }
  return joined(out, "|");
}

std::string java_options(const std::vector<std::string>& direct, const ProxyPorts& ports) {
  const std::string port = std::to_string(ports.http);
  // The value is split at spaces, and quotes count within it: there are none of either.
  return "-Dhttp.proxyHost=localhost -Dhttp.proxyPort=" + port +
         " -Dhttps.proxyHost=localhost -Dhttps.proxyPort=" + port +
         " -Dhttp.nonProxyHosts=" + java_direct(direct);
}

std::string lower(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return name;
}

using Variables = std::vector<std::pair<std::string, std::string>>;

Variables variables(const std::vector<std::string>& direct, const ProxyPorts& ports) {
  const std::string http_port = std::to_string(ports.http);
  const std::string socks_port = std::to_string(ports.socks);
  const std::string user =
      ports.token.empty() ? "" : std::string(proxy::kTokenUser) + ":" + ports.token + "@";
  const std::string http = "http://" + user + "localhost:" + http_port;
  // ALL_PROXY is not a SOCKS URL: clients that lack a SOCKS module fail on one before they connect, and
  // gRPC ignores it. FTP_PROXY is: with an HTTP one curl asks for `GET ftp://…`, which no one serves.
  const Variables both = {
      {"HTTP_PROXY", http},
      {"HTTPS_PROXY", http},
      {"ALL_PROXY", http},
      {"GRPC_PROXY", http},
      {"DOCKER_HTTP_PROXY", http},
      {"DOCKER_HTTPS_PROXY", http},
      {"FTP_PROXY", "socks5h://" + user + "localhost:" + socks_port},
      // rsync sends CONNECT, and takes no scheme. Both ports take either protocol.
      {"RSYNC_PROXY", user + "localhost:" + http_port},
      {"NO_PROXY", joined(direct, ",")},
  };
  Variables out;
  for (const auto& [name, value] : both) {
    out.emplace_back(name, value);
    out.emplace_back(lower(name), value);
  }
  out.emplace_back("NODE_USE_ENV_PROXY", "1");
  // "http" is the protocol that the proxy speaks; gcloud refuses "https".
  out.emplace_back("CLOUDSDK_PROXY_TYPE", "http");
  out.emplace_back("CLOUDSDK_PROXY_ADDRESS", "localhost");
  out.emplace_back("CLOUDSDK_PROXY_PORT", http_port);
  if (!ports.token.empty()) {
    out.emplace_back("CLOUDSDK_PROXY_USERNAME", proxy::kTokenUser);
    out.emplace_back("CLOUDSDK_PROXY_PASSWORD", ports.token);
  }
  return out;
}

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

// Credentials for the host's proxy: none of ours, and nobody's business inside.
bool is_credential(std::string_view name) {
  return name == "CLOUDSDK_PROXY_USERNAME" || name == "CLOUDSDK_PROXY_PASSWORD";
}

}  // namespace

std::vector<std::string> directly_reached(const proxy::EgressPolicy& policy) {
  std::vector<std::string> out;
  for (const Direct& direct : kDirect) {
    const bool open =
        std::any_of(policy.layers.begin(), policy.layers.end(), [&](const proxy::RuleLayer& layer) {
          return std::any_of(layer.allowed.begin(), layer.allowed.end(),
                             [&](const proxy::Rule& rule) { return opens(rule.pattern, direct); });
        });
    if (!open) out.emplace_back(direct.name);
  }
  return out;
}

void set_proxy_environment(std::vector<std::string>& environment, const proxy::EgressPolicy& policy,
                           const ProxyPorts& ports) {
  const std::vector<std::string> direct = directly_reached(policy);
  const Variables ours = variables(direct, ports);
  std::string java;
  std::erase_if(environment, [&](const std::string& entry) {
    const std::string_view name = name_of(entry);
    if (name == kJavaOptions) {
      // getenv(3) finds the first of two.
      if (java.empty()) java = entry.substr(std::min(name.size() + 1, entry.size()));
      return true;
    }
    return is_credential(name) || std::any_of(ours.begin(), ours.end(), [&](const auto& variable) {
             return variable.first == name;
           });
  });
  for (const auto& [name, value] : ours) environment.push_back(name + "=" + value);
  environment.push_back(std::string(kJavaOptions) + "=" + java + (java.empty() ? "" : " ") +
                        java_options(direct, ports));
}

}  // namespace srt::runtime
