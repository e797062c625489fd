#include "runtime/policy_merge.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "proxy/domain_pattern.h"
#include "runtime/policy_scope.h"
#include "runtime/settings_permissions.h"

namespace srt::runtime {
namespace {

using proxy::DomainPattern;
using proxy::PatternList;

// What one author says about the network.
struct Layer {
  std::string origin;
  PolicyAuthor author = PolicyAuthor::kBundle;
  bool states_allowed = false;
  proxy::RuleLayer rules;
  bool ceiling() const { return author == PolicyAuthor::kOperator; }
};

struct ParentProxies {
  std::optional<proxy::ParentProxy> http, https;
  std::vector<std::string> bypass;
  bool operator==(const ParentProxies&) const = default;
};

// A value for which the most senior document that has it stands.
template <class T>
struct Settled {
  std::optional<T> value;
  std::string origin;
};

std::string rule_text(const proxy::Rule& rule) {
  return oci::in_quotes(rule.pattern.text) + " (" + oci::printable(rule.origin, 200) + ")";
}

std::string listed(const std::vector<proxy::Rule>& rules) {
  constexpr size_t kShown = 5;
  if (rules.empty()) return "nothing";
  std::string out;
  for (size_t i = 0; i < std::min(rules.size(), kShown); ++i) {
    out += (i > 0 ? ", " : "") + oci::in_quotes(rules[i].pattern.text);
  }
  if (rules.size() > kShown) out += " and " + std::to_string(rules.size() - kShown) + " more";
  return out;
}

// It becomes the status phrase of an HTTP answer and a line of a report: a break would begin a header there.
std::string in_one_line(std::string reason) {
  std::replace_if(
      reason.begin(), reason.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  const size_t first = std::min(reason.find_first_not_of(' '), reason.size());
  return reason.substr(first, reason.find_last_not_of(' ') + 1 - first);
}

ParentProxies parents_of(const ParentProxySettings& settings) {
  ParentProxies out;
  const auto parse = [](const std::optional<std::string>& url) {
    std::optional<proxy::ParentProxy> parent;
    if (!url) return parent;
    if (auto parsed = parse_parent_proxy(*url)) parent = std::move(*parsed);
    return parent;
  };
  out.http = parse(settings.http);
  out.https = settings.https ? parse(settings.https) : out.http;
  if (settings.no_proxy) out.bypass = split_list(*settings.no_proxy);
  return out;
}

proxy::TlsTermination tls_termination(const TlsTerminateSettings& settings) {
  proxy::TlsTermination tls;
  for (const std::string& text : settings.exclude_domains.value_or(std::vector<std::string>())) {
    if (auto pattern = DomainPattern::parse(text, PatternList::kAllow)) {
      tls.excluded.push_back(*std::move(pattern));
    }
  }
  tls.max_tunnels = settings.max_tunnels.value_or(tls.max_tunnels);
  tls.handshake_ms = settings.handshake_timeout_ms.value_or(tls.handshake_ms);
  return tls;
}

// The socket as it was written: locate_unix_proxy() says where that is.
proxy::UnixProxy unix_proxy_of(const MitmProxySettings& settings) {
  proxy::UnixProxy out{settings.socket_path, {}};
  for (const std::string& text : settings.domains) {
    auto pattern = DomainPattern::parse_portless(text);
    if (pattern) out.domains.push_back(std::move(*pattern));
  }
  return out;
}

class Merge {
 public:
  explicit Merge(PolicySubject subject) : subject_(subject) {}

  void add(const PolicyDocument& document) {
    policy_.sources.push_back(document.origin);
    if (subject_ == PolicySubject::kContainer) check_scope(document);
    const bool bounded = !layers_.empty() && layers_.front().ceiling();
    if (document.settings.network) add_network(document, *document.settings.network, bounded);
    if (document.settings.permissions) add_permissions(document, *document.settings.permissions);
    if (document.settings.audit) add_audit(document, *document.settings.audit);
  }

  Result<EffectivePolicy> finish() && {
    if (subject_ == PolicySubject::kCommand) add_user_layer();
    for (size_t i = 0; i < layers_.size(); ++i) finish_layer(i);
    policy_.present = !layers_.empty();  // of a command: always
    proxy::EgressPolicy& egress = policy_.egress;
    if (parents_.value) {
      egress.parent_http = parents_.value->http;
      egress.parent_https = parents_.value->https;
      egress.parent_bypass = parents_.value->bypass;
    }
    if (tls_.value) egress.tls = tls_termination(*tls_.value);
    egress.mitm = mitm_.value;
    egress.external_http_port = http_port_.value;
    egress.external_socks_port = socks_port_.value;
    policy_.audit.file = audit_file_.value.value_or(std::string());
    if (audit_bytes_.value) policy_.audit.max_bytes = audit_bytes_.value->bytes;
    if (audit_keep_.value) policy_.audit.keep = *audit_keep_.value;
    if (!found_.empty()) return fail(found_);
    return std::move(policy_);
  }

 private:
  void problem(const std::string& origin, const std::string& key, const std::string& text) {
    found_.add(std::string(), oci::printable(origin, 200) + ": /" + key + ": " + text);
  }
  void note(const std::string& origin, const std::string& key, const std::string& text) {
    policy_.notes.push_back(oci::printable(origin, 200) + ": /" + key + ": " + text);
  }

  void check_scope(const PolicyDocument& document) {
    for (const std::string& key : unenforced_keys(document.settings)) {
      problem(document.origin, key, "is not supported in a container's policy yet");
    }
    for (const std::string& key : ineffective_keys(document.settings)) {
      note(document.origin, key, "has no effect on a container");
    }
  }

  // A ceiling allows a command nothing: it bounds what the user allows.
  void add_user_layer() {
    const auto at = std::find_if(layers_.begin(), layers_.end(),
                                 [](const Layer& layer) { return !layer.ceiling(); });
    if (at != layers_.end() && at->author == PolicyAuthor::kUser) return;
    layers_.insert(at, {"no settings", PolicyAuthor::kUser, true, {}});
  }

  // The bundle's documents have one author and are one layer; each ceiling is its own.
  Layer& layer_for(const PolicyDocument& document) {
    const bool ceiling = document.author == PolicyAuthor::kOperator;
    const bool last_is_it = !layers_.empty() && layers_.back().author == document.author &&
                            (!ceiling || layers_.back().origin == document.origin);
    if (!last_is_it) layers_.push_back({document.origin, document.author, false, {}});
    return layers_.back();
  }

  void add_rule(Layer& layer, const std::string& origin, const std::string& text, PatternList list,
                const std::string& reason = {}) {
    tl::expected<DomainPattern, std::string> pattern = DomainPattern::parse(text, list);
    if (!pattern) return problem(origin, "network", pattern.error());
    auto& rules = list == PatternList::kAllow ? layer.rules.allowed : layer.rules.denied;
    rules.push_back({std::move(*pattern), origin, reason});
  }

  void add_network(const PolicyDocument& document, const NetworkSettings& network, bool bounded) {
    if (document.author == PolicyAuthor::kProject) refuse_ways_out(document.origin, network);
    Layer& layer = layer_for(document);
    layer.states_allowed |= document.states_allowed;
    for (const std::string& text : network.allowed_domains) {
      add_rule(layer, document.origin, text, PatternList::kAllow);
    }
    if (document.over_project) {
      for (const proxy::Rule& rule : layer.rules.allowed) {
        if (rule.origin == document.origin) over_project_.push_back(rule);
      }
    }
    add_denied(layer, document.origin, network);
    policy_.egress.strict |= network.strict_allowlist == true;
    policy_.egress.refuse_opaque |= network.refuse_opaque_tunnels == true;
    add_stripped(document.origin, network);
    add_addresses(network);
    add_proxies(document.origin, network, bounded);
    settle(tls_, network.tls_terminate, document.origin, "network/tlsTerminate");
    add_mitm(document, network, bounded);
    add_published(document, network);
  }

  void refuse_ways_out(const std::string& origin, const NetworkSettings& network) {
    const auto refuse = [&](bool present, const char* key) {
      if (present) problem(origin, key, "may not stand in a project's settings, which only narrow");
    };
    refuse(network.parent_proxy.has_value(), "network/parentProxy");
    refuse(network.mitm_proxy.has_value(), "network/mitmProxy");
    refuse(network.http_proxy_port.has_value(), "network/httpProxyPort");
    refuse(network.socks_proxy_port.has_value(), "network/socksProxyPort");
    refuse(network.publish.has_value(), "network/publish");
    // Whose authority the user's programs would trust, and which servers' certificates are good.
    refuse(network.tls_terminate.has_value(), "network/tlsTerminate");
  }

  void add_denied(Layer& layer, const std::string& origin, const NetworkSettings& network) {
    std::map<std::string, std::string> reasons;
    if (network.denied_domain_reasons) reasons = *network.denied_domain_reasons;
    for (const std::string& text : network.denied_domains) {
      const auto reason = reasons.find(text);
      add_rule(layer, origin, text, PatternList::kDeny,
               reason == reasons.end() ? std::string() : in_one_line(reason->second));
    }
    for (const std::string& text : network.denied_domains) reasons.erase(text);
    for (const auto& [entry, reason] : reasons) {
      note(origin, "network/deniedDomainReasons",
           "deniedDomains has no entry " + oci::in_quotes(entry));
    }
  }

  void add_stripped(const std::string& origin, const NetworkSettings& network) {
    if (!network.strip_response_headers || network.strip_response_headers->empty()) return;
    if (!network.tls_terminate) {
      note(origin, "network/stripResponseHeaders", "holds for plain HTTP: TLS is not opened");
    }
    auto& all = policy_.egress.stripped_headers;
    for (const std::string& name : *network.strip_response_headers) {
      std::string folded = proxy::folded_header(name);
      if (std::find(all.begin(), all.end(), folded) == all.end()) all.push_back(std::move(folded));
    }
  }

  void add_addresses(const NetworkSettings& network) {
    if (!network.denied_resolved_addresses) return;
    auto& denied = policy_.egress.denied_addresses;
    for (const std::string& text : *network.denied_resolved_addresses) {
      const std::optional<proxy::IpNetwork> net = proxy::IpNetwork::parse_around(text);
      if (net && std::find(denied.begin(), denied.end(), *net) == denied.end()) {
        denied.push_back(*net);
      }
    }
  }

  template <class T>
  void settle(Settled<T>& settled, const std::optional<T>& value, const std::string& origin,
              const char* key) {
    if (!value || settled.value == value) return;
    if (settled.value) return problem(origin, key, "is set by " + settled.origin + " already");
    settled = {value, origin};
  }

  // Where the guard sends what it has allowed. Under a ceiling this is the operator's to say: a proxy
  // resolves names itself and reaches what the address guard would have refused.
  template <class T>
  void settle_way_out(Settled<T>& settled, const std::optional<T>& value, const std::string& origin,
                      const char* key, bool bounded) {
    if (value && bounded && settled.value != value) {
      return problem(origin, key,
                     "widens what " + layers_.front().origin + " allows, which does not set it so");
    }
    settle(settled, value, origin, key);
  }

  void add_proxies(const std::string& origin, const NetworkSettings& network, bool bounded) {
    std::optional<ParentProxies> parents;
    if (network.parent_proxy) parents = parents_of(*network.parent_proxy);
    settle_way_out(parents_, parents, origin, "network/parentProxy", bounded);
    settle_way_out(http_port_, network.http_proxy_port, origin, "network/httpProxyPort", bounded);
    settle_way_out(socks_port_, network.socks_proxy_port, origin, "network/socksProxyPort",
                   bounded);
  }

  void add_mitm(const PolicyDocument& document, const NetworkSettings& network, bool bounded) {
    std::optional<proxy::UnixProxy> mitm;
    if (network.mitm_proxy) mitm = unix_proxy_of(*network.mitm_proxy);
    // The runtime may be root, and an annotation's author need not be: the socket could be docker's.
    if (mitm && document.author == PolicyAuthor::kBundle && mitm_.value != mitm) {
      return problem(document.origin, "network/mitmProxy",
                     "may stand in an operator's policy only");
    }
    settle_way_out(mitm_, mitm, document.origin, "network/mitmProxy", bounded);
  }

  // A ceiling's ports are those that a bundle may publish, on the same address or any narrower one.
  void add_published(const PolicyDocument& document, const NetworkSettings& network) {
    std::vector<PublishedPort> ports;
    for (const std::string& text : network.publish.value_or(std::vector<std::string>())) {
      if (const auto port = parse_published_port(text)) ports.push_back(*port);
    }
    for (const PublishedPort& port : ports) {
      for (const auto& [origin, allowed] : publishable_) {
        const bool within =
            std::any_of(allowed.begin(), allowed.end(), [&](const PublishedPort& ceiling) {
              const proxy::IpAddress any =
                  port.address.is_v4() ? proxy::IpAddress::v4(0) : proxy::IpAddress();
              return ceiling.host_port == port.host_port && ceiling.port == port.port &&
                     (ceiling.address == port.address || ceiling.address == any);
            });
        if (!within) {
          problem(document.origin, "network/publish",
                  oci::in_quotes(port.to_text()) + " is not among the ports of " + origin);
        }
      }
    }
    if (document.author == PolicyAuthor::kOperator) {
      publishable_.emplace_back(document.origin, std::move(ports));
    } else {
      for (const PublishedPort& port : ports) {
        auto& all = policy_.publish;
        if (std::find(all.begin(), all.end(), port) == all.end()) all.push_back(port);
      }
    }
  }

  void add_permissions(const PolicyDocument& document, const PermissionSettings& permissions) {
    add_permissions(document, permissions.allow, PatternList::kAllow);
    add_permissions(document, permissions.deny, PatternList::kDeny);
  }

  void add_permissions(const PolicyDocument& document,
                       const std::optional<std::vector<std::string>>& entries, PatternList list) {
    for (const std::string& text : entries.value_or(std::vector<std::string>())) {
      const auto permission = parse_permission(text);
      if (!permission || permission->kind != Permission::Kind::kWebFetch) continue;
      Layer& layer = layer_for(document);
      layer.states_allowed |= list == PatternList::kAllow;
      add_rule(layer, document.origin, permission->argument, list);
    }
  }

  void add_audit(const PolicyDocument& document, const AuditSettings& audit) {
    // The runtime may be root, and the bundle's author need not be: the file could be anyone's.
    const bool trusted =
        document.author == PolicyAuthor::kOperator || document.author == PolicyAuthor::kUser;
    if (audit.file && !trusted) {
      problem(document.origin, "audit/file", "may stand in an operator's policy only");
    }
    settle(audit_file_, audit.file, document.origin, "audit/file");
    settle(audit_bytes_, audit.max_bytes, document.origin, "audit/maxBytes");
    settle(audit_keep_, audit.keep, document.origin, "audit/keep");
  }

  void finish_layer(size_t index) {
    Layer& layer = layers_[index];
    // What a project allows and the user does not is simply not allowed: every layer has to agree.
    const bool project = layer.author == PolicyAuthor::kProject;
    for (size_t i = 0; i < index && !project; ++i) {
      if (layers_[i].ceiling()) check_covered(layers_[i], layer);
    }
    // Only something denied: what is allowed is left to the layer above.
    if (!layer.states_allowed && index > 0 && layer.author != PolicyAuthor::kUser) {
      layer.rules.allowed = layers_[index - 1].rules.allowed;
    } else if (project) {
      layer.rules.allowed.insert(layer.rules.allowed.end(), over_project_.begin(),
                                 over_project_.end());
    }
    policy_.egress.layers.push_back(layer.rules);
  }

  void check_covered(const Layer& ceiling, const Layer& layer) {
    const std::vector<proxy::Rule>& bounds = ceiling.rules.allowed;
    for (const proxy::Rule& rule : layer.rules.allowed) {
      const auto covers = [&](const proxy::Rule& bound) {
        return bound.pattern.covers(rule.pattern);
      };
      if (found_.full() || std::any_of(bounds.begin(), bounds.end(), covers)) continue;
      const auto narrower = std::find_if(bounds.begin(), bounds.end(), [&](const auto& bound) {
        return rule.pattern.covers(bound.pattern);
      });
      if (narrower != bounds.end()) {
        found_.add(std::string(), rule_text(rule) + " is wider than " + rule_text(*narrower));
      } else {
        found_.add(std::string(), rule_text(rule) + " is not within " + ceiling.origin +
                                      ", which allows " + listed(bounds));
      }
    }
  }

  PolicySubject subject_;
  EffectivePolicy policy_;
  oci::Diagnostics found_{"policy"};
  std::vector<Layer> layers_;
  std::vector<proxy::Rule> over_project_;
  std::vector<std::pair<std::string, std::vector<PublishedPort>>> publishable_;
  Settled<ParentProxies> parents_;
  Settled<TlsTerminateSettings> tls_;
  Settled<proxy::UnixProxy> mitm_;
  Settled<uint16_t> http_port_;
  Settled<uint16_t> socks_port_;
  Settled<std::string> audit_file_;
  Settled<ByteCount> audit_bytes_;
  Settled<uint32_t> audit_keep_;
};

}  // namespace

Result<EffectivePolicy> merge_documents(const std::vector<PolicyDocument>& documents,
                                        PolicySubject subject) {
  Merge merge(subject);
  for (const PolicyDocument& document : documents) merge.add(document);
  return std::move(merge).finish();
}

}  // namespace srt::runtime
