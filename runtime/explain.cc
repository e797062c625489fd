#include "runtime/explain.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "oci/diagnostics.h"

namespace srt::runtime {
namespace {

constexpr size_t kPathWidth = 44;

std::string shown(std::string_view text) { return oci::printable(text, 400); }

class Text {
 public:
  void line(const std::string& text) { out_ += text + "\n"; }
  // "  allow  *.example.com        ~/.srt-settings.json"
  void rule(const std::string& kind, const std::string& what, const std::string& origin,
            const std::string& more = {}) {
    std::string text = "  " + padded(kind, 11) + padded(what, kPathWidth) + shown(origin);
    if (!more.empty()) text += "  (" + more + ")";
    line(text);
  }
  std::string take() && { return std::move(out_); }

 private:
  static std::string padded(std::string text, size_t width) {
    text.resize(std::max(text.size() + 1, width), ' ');
    return text;
  }
  std::string out_;
};

void explain_network(const SandboxPolicy& policy, Text& out) {
  const proxy::EgressPolicy& egress = policy.network.egress;
  out.line(policy.has_way_out()
               ? "network: a destination must be allowed by every layer, and denied by none"
               : "network: no way out");
  for (size_t i = 0; i < egress.layers.size(); ++i) {
    if (egress.layers.size() > 1) out.line(" layer " + std::to_string(i + 1) + ":");
    for (const proxy::Rule& rule : egress.layers[i].allowed) {
      out.rule("allow", shown(rule.pattern.text), rule.origin);
    }
    for (const proxy::Rule& rule : egress.layers[i].denied) {
      out.rule("deny", shown(rule.pattern.text), rule.origin, shown(rule.reason));
    }
    if (egress.layers[i].allowed.empty()) out.line("  allows nothing");
  }
  for (const proxy::IpNetwork& net : egress.denied_addresses) {
    out.line("  deny address " + net.to_text());
  }
  for (const auto& [key, parent] :
       {std::pair{"http", egress.parent_http}, std::pair{"https", egress.parent_https}}) {
    if (!parent) continue;
    out.line(std::string("  through parent proxy (") + key + ") " + shown(parent->host) + ":" +
             std::to_string(parent->port));
  }
  if (egress.tls) {
    const bool own = !policy.tls_authority || policy.tls_authority->certificate.empty();
    out.line("  TLS is opened, by an authority " +
             (own ? "of this run" : shown(policy.tls_authority->certificate)) + "; at most " +
             std::to_string(egress.tls->max_tunnels) + " tunnels");
    for (const proxy::DomainPattern& pattern : egress.tls->excluded) {
      out.line("  TLS is not opened to " + shown(pattern.text));
    }
  }
  if (egress.mitm) {
    out.line("  through the proxy at " + shown(egress.mitm->socket_path) +
             ", and in no other way:");
    for (const proxy::DomainPattern& pattern : egress.mitm->domains) {
      out.line("    " + shown(pattern.text));
    }
  }
  for (const PublishedPort& port : policy.network.publish) {
    out.line("  publish " + port.to_text());
  }
  if (policy.flags.allow_all_unix_sockets) {
    out.line("unix sockets: all");
  } else {
    out.line(policy.unix_sockets.empty() ? "unix sockets: those made inside"
                                         : "unix sockets: those made inside, and these");
  }
  for (const SocketRule& socket : policy.unix_sockets) {
    out.rule("allow", shown(socket.path), socket.origin);
  }
}

std::string place_text(const PathRule& rule) {
  std::string text = shown(rule.pattern ? rule.pattern->text() : rule.path);
  if (rule.written != text) text += " (" + shown(rule.written) + ")";
  return text;
}

void explain_filesystem(const FilesystemRules& rules, Text& out) {
  if (rules.disabled) return out.line("files: filesystem.disabled: the host's tree as it is");
  out.line("files: everything can be read but denyRead; nothing can be written but allowWrite");
  for (const FilesystemLayer& layer : rules.layers) {
    for (const PathRule& rule : layer.rules) {
      std::string more;
      if (!rule.exists && !rule.pattern) more = "does not exist";
      out.rule(name_of(rule.list), place_text(rule), rule.origin, more);
    }
    if (layer.limits_writes && rules.layers.size() > 1 &&
        std::none_of(layer.rules.begin(), layer.rules.end(),
                     [](const PathRule& rule) { return rule.list == PathList::kAllowWrite; })) {
      out.line("  no writes: " +
               shown(layer.origin.empty() ? "the user allows none" : layer.origin));
    }
  }
}

// "a.example, *.b.example and of these a.example"
std::string hosts_text(const std::vector<std::vector<proxy::DomainPattern>>& lists) {
  std::string text;
  for (const auto& list : lists) {
    if (!text.empty()) text += " and of these ";
    for (const proxy::DomainPattern& host : list) {
      if (&host != &list.front()) text += ", ";
      text += host.kind == proxy::DomainPattern::Kind::kAny ? "every allowed host" : host.text;
    }
    if (list.empty()) text += "no host";
  }
  return text;
}

void explain_rest(const SandboxPolicy& policy, Text& out) {
  const auto flag = [&](bool on, const char* name) {
    if (on) out.line(std::string("weaker: ") + name);
  };
  flag(policy.flags.allow_nested_user_namespaces, "allowNestedUserNamespaces");
  flag(policy.flags.enable_weaker_nested_sandbox, "enableWeakerNestedSandbox");
  flag(policy.flags.allow_local_binding, "network.allowLocalBinding");
  flag(policy.flags.allow_plaintext_inject, "credentials.allowPlaintextInject");
  flag(policy.filesystem.allow_git_config, "filesystem.allowGitConfig");
  for (const std::string& name : policy.denied_variables) out.line("not inside: $" + shown(name));
  for (const MaskedCredential& one : policy.masked) {
    const bool variable = one.kind == MaskedCredential::Kind::kVariable;
    out.line("masked: " + (variable ? "$" + shown(one.name) : shown(one.name)) + ", for " +
             hosts_text(one.hosts) + "  (" + shown(one.origin) + ")");
  }
  const ResourceLimits& limits = policy.resources;
  if (limits.memory) out.line("memory: " + std::to_string(*limits.memory) + " bytes");
  if (limits.milli_cpus) out.line("cpus: " + std::to_string(*limits.milli_cpus) + "/1000");
  if (limits.pids) out.line("processes: " + std::to_string(*limits.pids));
  if (!policy.network.audit.file.empty()) out.line("audit: " + shown(policy.network.audit.file));
  for (const std::string& note : policy.notes) out.line("note: " + note);
}

struct JsonRules {
  oci::JsonWriter& writer;

  void text(const char* key, std::string_view value) {
    writer.key(key);
    writer.value(value);
  }
  void flag(const char* key, bool value) {
    writer.key(key);
    writer.value(value);
  }
  void texts(const char* key, const std::vector<std::string>& values) {
    writer.key(key);
    oci::write(writer, values);
  }

  void path_rule(const PathRule& rule) {
    writer.begin_object();
    text("list", name_of(rule.list));
    text(rule.pattern ? "pattern" : "path", rule.pattern ? rule.pattern->text() : rule.path);
    if (!rule.pattern) flag("exists", rule.exists);
    if (rule.literal) flag("literal", true);
    if (!rule.links.empty()) texts("links", rule.links);
    text("written", rule.written);
    text("origin", rule.origin);
    writer.end_object();
  }

  void filesystem(const FilesystemRules& rules) {
    writer.begin_object();
    flag("disabled", rules.disabled);
    flag("allowGitConfig", rules.allow_git_config);
    writer.key("layers");
    writer.begin_array();
    for (const FilesystemLayer& layer : rules.layers) {
      writer.begin_object();
      text("origin", layer.origin);
      flag("limitsWrites", layer.limits_writes);
      writer.key("rules");
      writer.begin_array();
      for (const PathRule& rule : layer.rules) path_rule(rule);
      writer.end_array();
      writer.end_object();
    }
    writer.end_array();
    writer.end_object();
  }

  void sockets(const SandboxPolicy& policy) {
    writer.key("unixSockets");
    writer.begin_object();
    flag("all", policy.flags.allow_all_unix_sockets);
    writer.key("allowed");
    writer.begin_array();
    for (const SocketRule& socket : policy.unix_sockets) {
      writer.begin_object();
      text("path", socket.path);
      text("written", socket.written);
      text("origin", socket.origin);
      writer.end_object();
    }
    writer.end_array();
    writer.end_object();
  }

  void masked(const std::vector<MaskedCredential>& credentials) {
    writer.key("masked");
    writer.begin_array();
    for (const MaskedCredential& one : credentials) {
      writer.begin_object();
      text(one.kind == MaskedCredential::Kind::kVariable ? "variable" : "file", one.name);
      text("hosts", hosts_text(one.hosts));
      text("origin", one.origin);
      writer.end_object();
    }
    writer.end_array();
  }

  void flags(const SandboxPolicy& policy) {
    writer.key("flags");
    writer.begin_object();
    flag("allowPty", policy.flags.allow_pty);
    flag("allowNestedUserNamespaces", policy.flags.allow_nested_user_namespaces);
    flag("enableWeakerNestedSandbox", policy.flags.enable_weaker_nested_sandbox);
    flag("allowLocalBinding", policy.flags.allow_local_binding);
    flag("allowPlaintextInject", policy.flags.allow_plaintext_inject);
    writer.end_object();
  }

  void resources(const ResourceLimits& limits) {
    writer.key("resources");
    writer.begin_object();
    const auto number = [&](const char* key, const auto& value) {
      if (!value) return;
      writer.key(key);
      writer.value(static_cast<uint64_t>(*value));
    };
    number("memory", limits.memory);
    number("milliCpus", limits.milli_cpus);
    number("pids", limits.pids);
    writer.end_object();
  }
};

void write_network(oci::JsonWriter& writer, const SandboxPolicy& policy) {
  EffectivePolicy network = policy.network;
  network.notes.clear();  // those of the whole policy
  network.hash.clear();
  write_policy(writer, network, Secrets::kHidden);
}

}  // namespace

std::string explain(const SandboxPolicy& policy) {
  Text out;
  if (policy.network.sources.empty()) out.line("settings: none, so that only reading is allowed");
  for (const std::string& source : policy.network.sources) out.line("settings: " + shown(source));
  explain_network(policy, out);
  explain_filesystem(policy.filesystem, out);
  explain_rest(policy, out);
  return std::move(out).take();
}

std::string to_json(const SandboxPolicy& policy, oci::Layout layout) {
  oci::JsonWriter writer(layout);
  JsonRules rules{writer};
  writer.begin_object();
  rules.texts("sources", policy.network.sources);
  writer.key("network");
  write_network(writer, policy);
  writer.key("filesystem");
  rules.filesystem(policy.filesystem);
  rules.sockets(policy);
  rules.flags(policy);
  rules.resources(policy.resources);
  if (policy.tls_authority) {
    writer.key("tlsAuthority");
    writer.begin_object();
    rules.text("certificate", policy.tls_authority->certificate);
    rules.text("key", policy.tls_authority->key);
    rules.texts("moreRoots", policy.tls_authority->more_roots);
    writer.end_object();
  }
  writer.key("ignoreViolations");
  oci::write(writer, policy.ignore_violations);
  rules.texts("deniedVariables", policy.denied_variables);
  rules.masked(policy.masked);
  rules.texts("gitSafeDirectories", policy.git_safe_directories);
  rules.text("bwrapPath", policy.bwrap_path);
  rules.texts("files", policy.files);
  rules.texts("settingsPlaces", policy.settings_places);
  rules.texts("notes", policy.notes);
  if (!policy.hash.empty()) rules.text("hash", policy.hash);
  writer.end_object();
  return std::move(writer).take();
}

}  // namespace srt::runtime
