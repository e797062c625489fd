#include "runtime/layers_network.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "proxy/domain_pattern.h"
#include "runtime/resolved_path.h"
#include "runtime/settings_permissions.h"

namespace srt::runtime {
namespace {

using proxy::DomainPattern;
using proxy::PatternList;

std::string rule_text(const proxy::Rule& rule) {
  return oci::in_quotes(rule.pattern.text) + " (" + oci::printable(rule.origin, 200) + ")";
}

std::string listed(const std::vector<proxy::Rule>& rules) {
  constexpr size_t kShown = 5;
  std::string out;
  for (size_t i = 0; i < std::min(rules.size(), kShown); ++i) {
    out += (i > 0 ? ", " : "") + oci::in_quotes(rules[i].pattern.text);
  }
  if (rules.size() > kShown) out += " and " + std::to_string(rules.size() - kShown) + " more";
  return out.empty() ? "nothing" : out;
}

struct ParentProxies {
  std::optional<proxy::ParentProxy> http, https;
  std::vector<std::string> bypass;
  bool operator==(const ParentProxies&) const = default;
};

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

// One author's rules.
struct AuthorRules {
  std::string origin;  // of the first document that says something
  bool speaks = false;
  bool states_allowed = false;
  proxy::RuleLayer rules;
};

// A single value: the operator's stands, of the user's the last.
template <class T>
struct Choice {
  std::optional<T> value;
  std::string ceiling;  // who set it as a ceiling
};

class NetworkMerge {
 public:
  NetworkMerge(EffectivePolicy& out, LayerConflicts& conflicts)
      : out_(out), conflicts_(conflicts) {}

  void add(const LayerDocument& document) {
    AuthorRules& author = rules_of(document.author);
    if (document.settings.network) add_network(document, *document.settings.network, author);
    if (const auto& permissions = document.settings.permissions) {
      add_permissions(document, permissions->allow, PatternList::kAllow, author);
      add_permissions(document, permissions->deny, PatternList::kDeny, author);
    }
  }

  void finish() {
    if (operator_.speaks) {
      check_covered();
      out_.egress.layers.push_back(operator_.rules);
    }
    // Without rules, too: then it lets nothing through, whatever the ceiling would.
    out_.egress.layers.push_back(user_.rules);
    if (project_.speaks) {
      // One that only denies leaves what is allowed to the user.
      if (!project_.states_allowed) project_.rules.allowed = user_.rules.allowed;
      out_.egress.layers.push_back(project_.rules);
    }
    out_.present = true;
    if (parents_.value) {
      out_.egress.parent_http = parents_.value->http;
      out_.egress.parent_https = parents_.value->https;
      out_.egress.parent_bypass = parents_.value->bypass;
    }
    out_.egress.external_http_port = http_port_.value;
    out_.egress.external_socks_port = socks_port_.value;
  }

 private:
  AuthorRules& rules_of(LayerAuthor author) {
    switch (author) {
      case LayerAuthor::kOperator: return operator_;
      case LayerAuthor::kUser: return user_;
      case LayerAuthor::kProject: return project_;
    }
    return project_;
  }

  void add_rule(AuthorRules& author, const LayerDocument& document, const std::string& text,
                PatternList list, const std::string& reason = {}) {
    if (author.origin.empty()) author.origin = document.origin;
    author.speaks = true;
    tl::expected<DomainPattern, std::string> pattern = DomainPattern::parse(text, list);
    if (!pattern) return conflicts_.problem(document.origin, "network", pattern.error());
    auto& rules = list == PatternList::kAllow ? author.rules.allowed : author.rules.denied;
    rules.push_back({std::move(*pattern), document.origin, reason});
  }

  void add_network(const LayerDocument& document, const NetworkSettings& network,
                   AuthorRules& author) {
    if (author.origin.empty()) author.origin = document.origin;
    author.speaks = author.states_allowed = true;
    for (const std::string& text : network.allowed_domains) {
      add_rule(author, document, text, PatternList::kAllow);
    }
    std::map<std::string, std::string> reasons;
    if (network.denied_domain_reasons) reasons = *network.denied_domain_reasons;
    for (const std::string& text : network.denied_domains) {
      const auto reason = reasons.find(text);
      add_rule(author, document, text, PatternList::kDeny,
               reason == reasons.end() ? std::string() : reason->second);
    }
    for (const std::string& text : network.denied_domains) reasons.erase(text);
    for (const auto& [entry, reason] : reasons) {
      conflicts_.note(document.origin, "network.deniedDomainReasons",
                      "deniedDomains has no entry " + oci::in_quotes(entry));
    }
    out_.egress.strict |= network.strict_allowlist == true;
    add_addresses(network);
    add_ways_out(document, network);
    add_published(document, network);
  }

  void add_permissions(const LayerDocument& document,
                       const std::optional<std::vector<std::string>>& entries, PatternList list,
                       AuthorRules& author) {
    for (const std::string& text : entries.value_or(std::vector<std::string>())) {
      const auto permission = parse_permission(text);
      if (!permission || permission->kind != Permission::Kind::kWebFetch) continue;
      author.states_allowed |= list == PatternList::kAllow;
      add_rule(author, document, permission->argument, list);
    }
  }

  void add_addresses(const NetworkSettings& network) {
    auto& denied = out_.egress.denied_addresses;
    for (const std::string& text :
         network.denied_resolved_addresses.value_or(std::vector<std::string>())) {
      const std::optional<proxy::IpNetwork> net = proxy::IpNetwork::parse(text);
      if (net && std::find(denied.begin(), denied.end(), *net) == denied.end()) {
        denied.push_back(*net);
      }
    }
  }

  // Where the guard sends what it has allowed. A proxy resolves names itself, and reaches what the address
  // guard would have refused: under a ceiling this is the operator's to say, and never a project's.
  template <class T>
  void choose(Choice<T>& choice, const std::optional<T>& value, const LayerDocument& document,
              const char* key) {
    if (!value) return;
    switch (document.author) {
      case LayerAuthor::kOperator: choice = {value, document.origin}; return;
      case LayerAuthor::kUser:
        if (operator_.speaks && choice.value != value) {
          return conflicts_.problem(
              document.origin, key,
              "widens what " + operator_.origin + " allows, which does not set it so");
        }
        choice.value = value;
        return;
      case LayerAuthor::kProject:
        if (choice.value != value) conflicts_.left_out(document, key);
        return;
    }
  }

  void add_ways_out(const LayerDocument& document, const NetworkSettings& network) {
    std::optional<ParentProxies> parents;
    if (network.parent_proxy) parents = parents_of(*network.parent_proxy);
    choose(parents_, parents, document, "network.parentProxy");
    choose(http_port_, network.http_proxy_port, document, "network.httpProxyPort");
    choose(socks_port_, network.socks_proxy_port, document, "network.socksProxyPort");
  }

  // A ceiling's ports are those that may be published, on the same address or any narrower one.
  void add_published(const LayerDocument& document, const NetworkSettings& network) {
    for (const std::string& text : network.publish.value_or(std::vector<std::string>())) {
      const auto port = parse_published_port(text);
      if (!port) continue;
      switch (document.author) {
        case LayerAuthor::kOperator: publishable_.push_back(*port); break;
        case LayerAuthor::kUser: publish(document, *port); break;
        case LayerAuthor::kProject: conflicts_.left_out(document, "network.publish"); break;
      }
    }
  }

  void publish(const LayerDocument& document, const PublishedPort& port) {
    const auto covers = [&](const PublishedPort& ceiling) {
      const proxy::IpAddress any =
          port.address.is_v4() ? proxy::IpAddress::v4(0) : proxy::IpAddress();
      return ceiling.host_port == port.host_port && ceiling.port == port.port &&
             (ceiling.address == port.address || ceiling.address == any);
    };
    if (operator_.speaks && std::none_of(publishable_.begin(), publishable_.end(), covers)) {
      return conflicts_.problem(
          document.origin, "network.publish",
          oci::in_quotes(port.to_text()) + " is not among the ports of " + operator_.origin);
    }
    auto& all = out_.publish;
    if (std::find(all.begin(), all.end(), port) == all.end()) all.push_back(port);
  }

  void check_covered() {
    const std::vector<proxy::Rule>& bounds = operator_.rules.allowed;
    for (const proxy::Rule& rule : user_.rules.allowed) {
      const auto covers = [&](const proxy::Rule& bound) {
        return bound.pattern.covers(rule.pattern);
      };
      if (std::any_of(bounds.begin(), bounds.end(), covers)) continue;
      const auto narrower = std::find_if(bounds.begin(), bounds.end(), [&](const auto& bound) {
        return rule.pattern.covers(bound.pattern);
      });
      conflicts_.found.add(std::string(),
                           narrower != bounds.end()
                               ? rule_text(rule) + " is wider than " + rule_text(*narrower)
                               : rule_text(rule) + " is not within " + operator_.origin +
                                     ", which allows " + listed(bounds));
    }
  }

  EffectivePolicy& out_;
  LayerConflicts& conflicts_;
  AuthorRules operator_, user_, project_;
  std::vector<PublishedPort> publishable_;
  Choice<ParentProxies> parents_;
  Choice<uint16_t> http_port_;
  Choice<uint16_t> socks_port_;
};

// What one document lists; nothing if it does not speak of sockets.
std::optional<std::vector<std::string>> sockets_of(const Settings& settings) {
  std::optional<std::vector<std::string>> out;
  if (settings.network && settings.network->allow_unix_sockets) {
    out = *settings.network->allow_unix_sockets;
  }
  if (!settings.permissions || !settings.permissions->allow) return out;
  for (const std::string& text : *settings.permissions->allow) {
    const auto permission = parse_permission(text);
    if (!permission || permission->kind != Permission::Kind::kUnixSocket) continue;
    if (!out) out.emplace();
    out->push_back(permission->argument);
  }
  return out;
}

bool within_any(const SocketRule& socket, const std::vector<SocketRule>& bounds) {
  return std::any_of(bounds.begin(), bounds.end(),
                     [&](const SocketRule& bound) { return is_within(socket.path, bound.path); });
}

}  // namespace

void merge_network(const std::vector<LayerDocument>& documents, EffectivePolicy& network,
                   LayerConflicts& conflicts) {
  NetworkMerge merge(network, conflicts);
  for (const LayerDocument& document : documents) merge.add(document);
  merge.finish();
}

std::vector<SocketRule> merge_unix_sockets(const Layers& layers, const LayerSources& sources,
                                           LayerConflicts& conflicts) {
  std::vector<SocketRule> ceiling, user, project;
  std::string bounded_by, narrowed_by;
  for (const LayerDocument& document : layers.documents) {
    const auto listed = sockets_of(document.settings);
    const bool is_operator = document.author == LayerAuthor::kOperator;
    // A ceiling with network rules allows the sockets that it lists, or all, or none.
    if (is_operator && document.settings.network &&
        document.settings.network->allow_all_unix_sockets != true) {
      bounded_by = document.origin;
    }
    if (!listed) continue;
    if (document.author == LayerAuthor::kProject) narrowed_by = document.origin;
    auto& out = is_operator ? ceiling : (document.author == LayerAuthor::kUser ? user : project);
    for (const std::string& text : *listed) {
      std::string path = text;
      if (path == "~" || path.starts_with("~/")) {
        if (sources.home.empty()) {
          conflicts.problem(document.origin, "network.allowUnixSockets",
                            oci::in_quotes(text) + ": there is no home folder");
          continue;
        }
        path = sources.home + path.substr(1);
      }
      const std::string spelled = spelled_path(sources.cwd, path);
      const std::string absolute = path.starts_with('/') ? path : join_path(sources.cwd, path);
      out.push_back({resolve_path(absolute).path, spelled, text, document.origin});
    }
  }
  std::vector<SocketRule> out;
  for (SocketRule& socket : user) {
    if (!bounded_by.empty() && !within_any(socket, ceiling)) {
      conflicts.problem(socket.origin, "network.allowUnixSockets",
                        oci::in_quotes(socket.written) + " is not among those of " + bounded_by);
    }
    if (!narrowed_by.empty() && !within_any(socket, project)) {
      conflicts.note(narrowed_by, "network.allowUnixSockets",
                     "leaves out " + oci::in_quotes(socket.written) + " (" + socket.origin + ")");
      continue;
    }
    out.push_back(std::move(socket));
  }
  return out;
}

}  // namespace srt::runtime
