// An EffectivePolicy as JSON, both ways: what `plan` shows and what the monitor is given.
#include <utility>

#include "oci/read.h"
#include "oci/write.h"
#include "proxy/domain_pattern.h"
#include "runtime/policy.h"

namespace srt::runtime {
namespace {

constexpr char kHiddenSecret[] = "(hidden)";

struct RuleText {
  std::string pattern;
  std::string origin;
  std::optional<std::string> reason;
};

struct LayerText {
  std::vector<RuleText> allowed;
  std::vector<RuleText> denied;
};

struct ParentText {
  std::string host;
  uint16_t port = 0;
  std::optional<std::string> authorization;
};

struct TlsText {
  std::vector<std::string> excluded;
  uint32_t max_tunnels = 0;
  uint32_t handshake_ms = 0;
};

struct UnixProxyText {
  std::string socket_path;
  std::vector<std::string> domains;
};

struct AuditText {
  std::string file;
  uint64_t max_bytes = 0;
  uint32_t keep = 0;
};

struct PolicyText {
  bool present = false;
  std::vector<LayerText> layers;
  bool strict = false;
  std::optional<TlsText> tls;
  std::optional<bool> refuse_opaque;
  std::optional<std::vector<std::string>> stripped_headers;
  std::vector<std::string> denied_addresses;
  std::optional<ParentText> parent_http;
  std::optional<ParentText> parent_https;
  std::vector<std::string> parent_bypass;
  std::optional<UnixProxyText> mitm;
  std::optional<uint16_t> http_port;
  std::optional<uint16_t> socks_port;
  std::vector<std::string> publish;
  AuditText audit;
  std::vector<std::string> sources;
  std::vector<std::string> notes;
  std::optional<std::string> hash;
};

template <oci::FieldsOf<RuleText> T, class Visit>
void visit_fields(T& rule, Visit&& visit) {
  visit("pattern", rule.pattern);
  visit("origin", rule.origin);
  visit("reason", rule.reason);
}

template <oci::FieldsOf<LayerText> T, class Visit>
void visit_fields(T& layer, Visit&& visit) {
  visit("allowed", layer.allowed);
  visit("denied", layer.denied);
}

template <oci::FieldsOf<ParentText> T, class Visit>
void visit_fields(T& parent, Visit&& visit) {
  visit("host", parent.host);
  visit("port", parent.port);
  visit("authorization", parent.authorization);
}

template <oci::FieldsOf<TlsText> T, class Visit>
void visit_fields(T& tls, Visit&& visit) {
  visit("excludeDomains", tls.excluded);
  visit("maxTunnels", tls.max_tunnels);
  visit("handshakeTimeoutMs", tls.handshake_ms);
}

template <oci::FieldsOf<UnixProxyText> T, class Visit>
void visit_fields(T& mitm, Visit&& visit) {
  visit("socketPath", mitm.socket_path);
  visit("domains", mitm.domains);
}

template <oci::FieldsOf<AuditText> T, class Visit>
void visit_fields(T& audit, Visit&& visit) {
  visit("file", audit.file);
  visit("maxBytes", audit.max_bytes);
  visit("keep", audit.keep);
}

template <oci::FieldsOf<PolicyText> T, class Visit>
void visit_fields(T& policy, Visit&& visit) {
  visit("present", policy.present);
  visit("layers", policy.layers);
  visit("strict", policy.strict);
  visit("tlsTerminate", policy.tls);
  visit("refuseOpaqueTunnels", policy.refuse_opaque);
  visit("stripResponseHeaders", policy.stripped_headers);
  visit("deniedAddresses", policy.denied_addresses);
  visit("parentHttp", policy.parent_http);
  visit("parentHttps", policy.parent_https);
  visit("parentBypass", policy.parent_bypass);
  visit("mitmProxy", policy.mitm);
  visit("httpProxyPort", policy.http_port);
  visit("socksProxyPort", policy.socks_port);
  visit("publish", policy.publish);
  visit("audit", policy.audit);
  visit("sources", policy.sources);
  visit("notes", policy.notes);
  visit("hash", policy.hash);
}

std::vector<RuleText> rules_text(const std::vector<proxy::Rule>& rules) {
  std::vector<RuleText> out;
  for (const proxy::Rule& rule : rules) {
    RuleText& text = out.emplace_back(RuleText{rule.pattern.text, rule.origin, {}});
    if (!rule.reason.empty()) text.reason = rule.reason;
  }
  return out;
}

std::optional<ParentText> parent_text(const std::optional<proxy::ParentProxy>& parent,
                                      Secrets secrets) {
  if (!parent) return {};
  ParentText text{parent->host, parent->port, {}};
  if (!parent->authorization.empty()) {
    text.authorization = secrets == Secrets::kShown ? parent->authorization : kHiddenSecret;
  }
  return text;
}

PolicyText text_of(const EffectivePolicy& policy, Secrets secrets) {
  PolicyText text;
  const proxy::EgressPolicy& egress = policy.egress;
  text.present = policy.present;
  for (const proxy::RuleLayer& layer : egress.layers) {
    text.layers.push_back({rules_text(layer.allowed), rules_text(layer.denied)});
  }
  text.strict = egress.strict;
  if (egress.tls) {
    TlsText& tls = text.tls.emplace();
    for (const proxy::DomainPattern& pattern : egress.tls->excluded) {
      tls.excluded.push_back(pattern.text);
    }
    tls.max_tunnels = egress.tls->max_tunnels;
    tls.handshake_ms = egress.tls->handshake_ms;
  }
  if (egress.refuse_opaque) text.refuse_opaque = true;
  if (!egress.stripped_headers.empty()) text.stripped_headers = egress.stripped_headers;
  for (const proxy::IpNetwork& net : egress.denied_addresses) {
    text.denied_addresses.push_back(net.to_text());
  }
  text.parent_http = parent_text(egress.parent_http, secrets);
  text.parent_https = parent_text(egress.parent_https, secrets);
  text.parent_bypass = egress.parent_bypass;
  if (egress.mitm) {
    text.mitm.emplace().socket_path = egress.mitm->socket_path;
    for (const proxy::DomainPattern& pattern : egress.mitm->domains) {
      text.mitm->domains.push_back(pattern.text);
    }
  }
  text.http_port = egress.external_http_port;
  text.socks_port = egress.external_socks_port;
  for (const PublishedPort& port : policy.publish) text.publish.push_back(port.to_text());
  text.audit = {policy.audit.file, policy.audit.max_bytes, policy.audit.keep};
  text.sources = policy.sources;
  text.notes = policy.notes;
  if (!policy.hash.empty()) text.hash = policy.hash;
  return text;
}

// Texts → values; what is malformed is reported where it stands.
class PolicyReader {
 public:
  explicit PolicyReader(oci::Diagnostics& found) : found_(found) {}

  EffectivePolicy read(const oci::Path& path, PolicyText text) {
    EffectivePolicy policy;
    policy.present = text.present;
    for (size_t i = 0; i < text.layers.size(); ++i) {
      proxy::RuleLayer& layer = policy.egress.layers.emplace_back();
      layer.allowed = rules(path / "layers" / i / "allowed", text.layers[i].allowed,
                            proxy::PatternList::kAllow);
      layer.denied =
          rules(path / "layers" / i / "denied", text.layers[i].denied, proxy::PatternList::kDeny);
    }
    policy.egress.strict = text.strict;
    policy.egress.tls = tls(path / "tlsTerminate", text.tls);
    policy.egress.refuse_opaque = text.refuse_opaque == true;
    policy.egress.stripped_headers =
        std::move(text.stripped_headers).value_or(std::vector<std::string>());
    for (size_t i = 0; i < text.denied_addresses.size(); ++i) {
      const auto net = proxy::IpNetwork::parse(text.denied_addresses[i]);
      if (net) policy.egress.denied_addresses.push_back(*net);
      if (!net) found_.add_new(path / "deniedAddresses" / i, "is no network");
    }
    policy.egress.parent_http = parent(path / "parentHttp", text.parent_http);
    policy.egress.parent_https = parent(path / "parentHttps", text.parent_https);
    policy.egress.parent_bypass = std::move(text.parent_bypass);
    if (text.mitm) policy.egress.mitm = unix_proxy(path / "mitmProxy", std::move(*text.mitm));
    policy.egress.external_http_port = text.http_port;
    policy.egress.external_socks_port = text.socks_port;
    for (size_t i = 0; i < text.publish.size(); ++i) {
      const auto port = parse_published_port(text.publish[i]);
      if (port) policy.publish.push_back(*port);
      if (!port) found_.add_new(path / "publish" / i, port.error());
    }
    policy.audit = {std::move(text.audit.file), text.audit.max_bytes, text.audit.keep};
    policy.sources = std::move(text.sources);
    policy.notes = std::move(text.notes);
    policy.hash = std::move(text.hash).value_or(std::string());
    return policy;
  }

 private:
  std::vector<proxy::Rule> rules(const oci::Path& path, const std::vector<RuleText>& texts,
                                 proxy::PatternList list) {
    std::vector<proxy::Rule> out;
    for (size_t i = 0; i < texts.size() && !found_.full(); ++i) {
      auto pattern = proxy::DomainPattern::parse(texts[i].pattern, list);
      if (pattern) {
        out.push_back(
            {std::move(*pattern), texts[i].origin, texts[i].reason.value_or(std::string())});
      } else {
        found_.add_new(path / i / "pattern", pattern.error());
      }
    }
    return out;
  }

  std::optional<proxy::TlsTermination> tls(const oci::Path& path,
                                           const std::optional<TlsText>& text) {
    if (!text) return {};
    proxy::TlsTermination out{{}, text->max_tunnels, text->handshake_ms};
    for (size_t i = 0; i < text->excluded.size(); ++i) {
      auto pattern = proxy::DomainPattern::parse(text->excluded[i], proxy::PatternList::kAllow);
      if (!pattern) found_.add_new(path / "excludeDomains" / i, pattern.error());
      if (pattern) out.excluded.push_back(*std::move(pattern));
    }
    return out;
  }

  proxy::UnixProxy unix_proxy(const oci::Path& path, UnixProxyText text) {
    proxy::UnixProxy out{std::move(text.socket_path), {}};
    if (!out.socket_path.starts_with('/')) {
      found_.add_new(path / "socketPath", "is no absolute path");
    }
    for (size_t i = 0; i < text.domains.size() && !found_.full(); ++i) {
      auto pattern = proxy::DomainPattern::parse(text.domains[i], proxy::PatternList::kAllow);
      if (!pattern) found_.add_new(path / "domains" / i, pattern.error());
      if (pattern) out.domains.push_back(std::move(*pattern));
    }
    return out;
  }

  std::optional<proxy::ParentProxy> parent(const oci::Path& path,
                                           const std::optional<ParentText>& text) {
    if (!text) return {};
    if (text->authorization == kHiddenSecret) {
      found_.add_new(path / "authorization", "is hidden: this text is for people");
    }
    return proxy::ParentProxy{text->host, text->port, text->authorization.value_or(std::string())};
  }

  oci::Diagnostics& found_;
};

}  // namespace

void write_policy(oci::JsonWriter& writer, const EffectivePolicy& policy, Secrets secrets) {
  oci::write(writer, text_of(policy, secrets));
}

std::string to_json(const EffectivePolicy& policy, Secrets secrets, oci::Layout layout) {
  return oci::write_document(text_of(policy, secrets), layout);
}

Result<EffectivePolicy> parse_effective_policy(std::string_view json, const std::string& object) {
  SRT_ASSIGN(PolicyText text, oci::read_document<PolicyText>(json, object, oci::Openness::kClosed));
  oci::Diagnostics found(object);
  const oci::Path root;
  EffectivePolicy policy = PolicyReader(found).read(root, std::move(text));
  if (!found.empty()) return fail(found);
  return policy;
}

}  // namespace srt::runtime
