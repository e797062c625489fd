#include "runtime/settings_network.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "proxy/base64.h"
#include "proxy/domain_pattern.h"
#include "proxy/host.h"
#include "runtime/settings_quantities.h"

namespace srt::runtime {
namespace {

std::optional<uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text[0] == '0') return {};
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return port;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '%') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2) return {};
    out += static_cast<char>(byte);
    text.remove_prefix(3);
  }
  return out;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

class NetworkCheck {
 public:
  NetworkCheck(const NetworkSettings& network, oci::Diagnostics& diagnostics)
      : network_(network), diagnostics_(diagnostics) {}

  void run(const oci::Path& path) {
    check_domains(path / "allowedDomains", network_.allowed_domains, proxy::PatternList::kAllow);
    check_domains(path / "deniedDomains", network_.denied_domains, proxy::PatternList::kDeny);
    check_reasons(path);
    check_addresses(path);
    check_proxies(path);
    check_mitm(path / "mitmProxy");
    check_names(path);
    check_publish(path);
    check_tls(path / "tlsTerminate");
  }

 private:
  void check_domains(const oci::Path& path, const std::vector<std::string>& domains,
                     proxy::PatternList list) {
    for (size_t i = 0; i < domains.size() && !diagnostics_.full(); ++i) {
      const auto pattern = proxy::DomainPattern::parse(domains[i], list);
      if (!pattern) diagnostics_.add_new(path / i, pattern.error());
    }
  }

  void check_reasons(const oci::Path& path) {
    if (!network_.denied_domain_reasons) return;
    for (const auto& [entry, reason] : *network_.denied_domain_reasons) {
      if (reason.empty()) {
        diagnostics_.add_new(path / "deniedDomainReasons" / entry, "must not be empty");
      }
    }
  }

  void check_addresses(const oci::Path& path) {
    if (!network_.denied_resolved_addresses) return;
    const std::vector<std::string>& networks = *network_.denied_resolved_addresses;
    for (size_t i = 0; i < networks.size() && !diagnostics_.full(); ++i) {
      if (proxy::IpNetwork::parse_around(networks[i])) continue;
      diagnostics_.add_new(
          path / "deniedResolvedAddresses" / i,
          "must be an address or a network such as \"10.0.0.0/8\" or \"fc00::/7\", got " +
              oci::in_quotes(networks[i]));
    }
  }

  void check_proxies(const oci::Path& path) {
    check_port(path / "httpProxyPort", network_.http_proxy_port);
    check_port(path / "socksProxyPort", network_.socks_proxy_port);
    if (!network_.parent_proxy) return;
    check_url(path / "parentProxy" / "http", network_.parent_proxy->http);
    check_url(path / "parentProxy" / "https", network_.parent_proxy->https);
  }

  void check_mitm(const oci::Path& path) {
    if (!network_.mitm_proxy) return;
    const MitmProxySettings& mitm = *network_.mitm_proxy;
    const std::string& socket = mitm.socket_path;
    constexpr size_t kLongest = 107;  // sockaddr_un, on Linux
    // "@name" and "\0name" are abstract ones: of a network namespace, and anybody's who is there first.
    if (!socket.starts_with('/') && socket != "~" && !socket.starts_with("~/")) {
      diagnostics_.add_new(
          path / "socketPath",
          "must be a path that begins with \"/\" or \"~/\", got " + oci::in_quotes(socket));
    } else if (socket.size() > kLongest) {
      diagnostics_.add_new(path / "socketPath",
                           "is longer than a unix socket's path can be (107 bytes)");
    } else if (has_control(socket)) {
      diagnostics_.add_new(path / "socketPath", "must not have control characters");
    }
    if (mitm.domains.empty()) diagnostics_.add_new(path / "domains", "must not be empty");
    for (size_t i = 0; i < mitm.domains.size() && !diagnostics_.full(); ++i) {
      const auto pattern = proxy::DomainPattern::parse_portless(mitm.domains[i]);
      if (!pattern) diagnostics_.add_new(path / "domains" / i, pattern.error());
    }
    if (network_.tls_terminate) {
      diagnostics_.add_new(path, "cannot stand beside tlsTerminate: one of them opens TLS");
    }
  }

  void check_port(const oci::Path& path, const std::optional<uint16_t>& port) {
    if (port == 0) diagnostics_.add_new(path, "must be between 1 and 65535, got 0");
  }

  void check_url(const oci::Path& path, const std::optional<std::string>& written) {
    if (!written) return;
    const std::string_view url = trimmed(*written);
    // "proxy:8080" is as good as "http://proxy:8080"; "proxy" could be anything.
    if (url.find(':') == std::string_view::npos ||
        !std::isalpha(static_cast<unsigned char>(url[0]))) {
      return diagnostics_.add_new(path, "must be http://[USER:PASSWORD@]HOST[:PORT]");
    }
    if (const auto parsed = parse_parent_proxy(url); !parsed) {
      diagnostics_.add_new(path, parsed.error());
    }
  }

  void check_names(const oci::Path& path) {
    if (network_.allow_unix_sockets) {
      for (size_t i = 0; i < network_.allow_unix_sockets->size(); ++i) {
        if (!(*network_.allow_unix_sockets)[i].empty()) continue;
        diagnostics_.add_new(path / "allowUnixSockets" / i, "must not be empty");
      }
    }
    if (network_.strip_response_headers) {
      for (size_t i = 0; i < network_.strip_response_headers->size(); ++i) {
        if (!(*network_.strip_response_headers)[i].empty()) continue;
        diagnostics_.add_new(path / "stripResponseHeaders" / i, "must not be empty");
      }
    }
    if (!network_.allow_mach_lookup) return;
    for (size_t i = 0; i < network_.allow_mach_lookup->size(); ++i) {
      const std::string& name = (*network_.allow_mach_lookup)[i];
      if (name.find('*') + 1 < name.size() && name.find('*') != std::string::npos) {
        diagnostics_.add_new(path / "allowMachLookup" / i,
                             "may have one \"*\" at its end, got " + oci::in_quotes(name));
      }
    }
  }

  void check_publish(const oci::Path& path) {
    if (!network_.publish) return;
    for (size_t i = 0; i < network_.publish->size() && !diagnostics_.full(); ++i) {
      const auto port = parse_published_port((*network_.publish)[i]);
      if (!port) diagnostics_.add_new(path / "publish" / i, port.error());
    }
  }

  void check_tls(const oci::Path& path) {
    if (!network_.tls_terminate) return;
    const TlsTerminateSettings& tls = *network_.tls_terminate;
    check_range(path / "maxTunnels", tls.max_tunnels, 1, 65536, diagnostics_);
    check_range(path / "handshakeTimeoutMs", tls.handshake_timeout_ms, 100, 600'000, diagnostics_);
    if (tls.ca_cert_path.has_value() != tls.ca_key_path.has_value()) {
      diagnostics_.add_new(path, "must have caCertPath and caKeyPath together");
    }
    check_path(path / "caCertPath", tls.ca_cert_path);
    check_path(path / "caKeyPath", tls.ca_key_path);
    if (tls.exclude_domains) {
      check_domains(path / "excludeDomains", *tls.exclude_domains, proxy::PatternList::kAllow);
    }
    for (size_t i = 0; tls.extra_ca_cert_paths && i < tls.extra_ca_cert_paths->size(); ++i) {
      check_path(path / "extraCaCertPaths" / i, (*tls.extra_ca_cert_paths)[i]);
    }
  }

  void check_path(const oci::Path& path, const std::optional<std::string>& written) {
    if (!written) return;
    if (written->empty()) diagnostics_.add_new(path, "must not be empty");
    if (written->find('\0') != std::string::npos) diagnostics_.add_new(path, "is not a path");
  }

  const NetworkSettings& network_;
  oci::Diagnostics& diagnostics_;
};

}  // namespace

std::string PublishedPort::to_text() const {
  return proxy::Endpoint{address, host_port}.to_text() + ":" + std::to_string(port);
}

tl::expected<PublishedPort, std::string> parse_published_port(std::string_view text) {
  const auto wrong = [&] {
    return tl::unexpected("must be PORT, HOSTPORT:PORT or ADDRESS:HOSTPORT:PORT, got " +
                          oci::in_quotes(text));
  };
  const size_t last = text.rfind(':');
  const std::optional<uint16_t> port = parse_port(text.substr(last + 1));  // npos + 1 is 0
  if (!port) return wrong();
  PublishedPort out{proxy::IpAddress::v4(0x7f000001), *port, *port};
  if (last == std::string_view::npos) return out;

  std::string_view front = text.substr(0, last);
  const size_t colon = front.rfind(':');
  const std::optional<uint16_t> host_port = parse_port(front.substr(colon + 1));
  if (!host_port) return wrong();
  out.host_port = *host_port;
  if (colon == std::string_view::npos) return out;

  std::string_view host = front.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  const std::optional<proxy::IpAddress> address = proxy::IpAddress::parse(host);
  if (!address || bracketed != (host.find(':') != std::string_view::npos)) return wrong();
  out.address = *address;
  return out;
}

tl::expected<proxy::ParentProxy, std::string> parse_parent_proxy(std::string_view url) {
  constexpr std::string_view kEnd = "://";
  const auto wrong = [](std::string why) { return tl::unexpected(std::move(why)); };
  url = trimmed(url);
  std::string_view authority = url;
  // Without a scheme it is HTTP, as curl reads it.
  if (const size_t end = url.find(kEnd); end != std::string_view::npos) {
    std::string scheme(url.substr(0, end));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (scheme == "https") {
      return wrong("a proxy that is itself spoken to by TLS is not supported yet: write http://…");
    }
    if (scheme != "http") return wrong("must be http://[USER:PASSWORD@]HOST[:PORT]");
    authority.remove_prefix(end + kEnd.size());
  }
  // A proxy has no path: what is written there says nothing.
  authority = authority.substr(0, authority.find_first_of("/?#"));

  proxy::ParentProxy out;
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view written = authority.substr(0, at);
    // A "%" that is no escape is itself.
    const std::string user = percent_decoded(written).value_or(std::string(written));
    if (has_control(user)) return wrong("has a malformed user or password before the \"@\"");
    // RFC 7617: without a colon the password is empty.
    const bool colon = written.find(':') != std::string_view::npos;
    if (!user.empty() && user != ":") {
      out.authorization = "Basic " + proxy::base64(colon ? user : user + ":");
    }
    authority.remove_prefix(at + 1);
  }
  if (authority.ends_with(':')) authority.remove_suffix(1);  // RFC 3986 §3.2.3: the scheme's
  const auto target = proxy::canonical_host_port(authority);
  if (!target) return wrong("must be http://[USER:PASSWORD@]HOST[:PORT]");
  out.host = target->host.to_text();
  out.port = target->port.value_or(80);
  return out;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(','));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    if (const std::string_view said = trimmed(entry); !said.empty()) out.emplace_back(said);
  }
  return out;
}

void check_network(const oci::Path& path, const NetworkSettings& network,
                   oci::Diagnostics& diagnostics) {
  NetworkCheck(network, diagnostics).run(path);
}

}  // namespace srt::runtime
