#include "runtime/sandbox_policy.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/callers_proxy.h"
#include "runtime/explain.h"
#include "runtime/policy_merge.h"
#include "runtime/settings_permissions.h"
#include "runtime/sha256.h"
#include "runtime/written_rules.h"

namespace srt::runtime {
namespace {

// What one layer says against another: errors of the user's documents, notes for a project's.
struct LayerConflicts {
  oci::Diagnostics found{"settings"};
  std::vector<std::string> notes;

  void problem(const std::string& origin, const std::string& key, const std::string& text) {
    found.add(std::string(), line(origin, key, text));
  }
  void note(const std::string& origin, const std::string& key, const std::string& text) {
    notes.push_back(line(origin, key, text));
  }
  // A project's document that asks for more, or chooses for the user.
  void left_out(const PolicyDocument& document, const std::string& key) {
    note(document.origin, key, "is left out: a project's settings only narrow");
  }

  void add_problems(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) found.add(std::string(), text);
  }
  void add_notes(const std::vector<std::string>& texts) {
    notes.insert(notes.end(), texts.begin(), texts.end());
  }

 private:
  static std::string line(const std::string& origin, const std::string& key,
                          const std::string& text) {
    return oci::printable(origin, 200) + ": /" + key + ": " + text;
  }
};

// Whether one document may loosen something, and what became of it.
class FlagMerge {
 public:
  FlagMerge(const std::vector<PolicyDocument>& documents, LayerConflicts& conflicts)
      : documents_(documents), conflicts_(conflicts) {}

  // True loosens. `get` gives the value of a document; `bounds` says whether an operator's document must
  // set it for a user's to be heard.
  template <class Get, class Bounds>
  bool loosens(const char* key, Get get, Bounds bounds) {
    bool value = false;
    std::string bounded_by;
    for (const PolicyDocument& document : documents_) {
      const std::optional<bool> said = get(document.settings);
      switch (document.author) {
        case PolicyAuthor::kOperator:
          if (bounds(document.settings) && said != true) bounded_by = document.origin;
          break;
        case PolicyAuthor::kUser:
          if (said == true && !bounded_by.empty()) {
            conflicts_.problem(document.origin, key,
                               "widens what " + bounded_by + " allows, which does not set it");
          } else if (said) {
            value = *said;
          }
          break;
        case PolicyAuthor::kBundle:
        case PolicyAuthor::kProject:
          if (said == true && !value) conflicts_.left_out(document, key);
          if (said == false) value = false;
          break;
      }
    }
    return value;
  }

 private:
  const std::vector<PolicyDocument>& documents_;
  LayerConflicts& conflicts_;
};

bool has_network(const Settings& settings) { return settings.network.has_value(); }
bool has_filesystem(const Settings& settings) { return settings.filesystem.has_value(); }
bool has_credentials(const Settings& settings) { return settings.credentials.has_value(); }
bool always(const Settings&) { return true; }

std::optional<bool> network_flag(const Settings& settings,
                                 std::optional<bool> NetworkSettings::*member) {
  return settings.network ? (*settings.network).*member : std::nullopt;
}
std::optional<bool> filesystem_flag(const Settings& settings,
                                    std::optional<bool> FilesystemSettings::*member) {
  return settings.filesystem ? (*settings.filesystem).*member : std::nullopt;
}

void merge_flags(const std::vector<PolicyDocument>& documents, SandboxPolicy& policy,
                 LayerConflicts& conflicts) {
  FlagMerge merge(documents, conflicts);
  SandboxFlags& flags = policy.flags;
  flags.allow_nested_user_namespaces = merge.loosens(
      "allowNestedUserNamespaces",
      [](const Settings& settings) { return settings.allow_nested_user_namespaces; }, always);
  flags.enable_weaker_nested_sandbox = merge.loosens(
      "enableWeakerNestedSandbox",
      [](const Settings& settings) { return settings.enable_weaker_nested_sandbox; }, always);
  flags.allow_all_unix_sockets = merge.loosens(
      "network/allowAllUnixSockets",
      [](const Settings& settings) {
        return network_flag(settings, &NetworkSettings::allow_all_unix_sockets);
      },
      has_network);
  flags.allow_local_binding = merge.loosens(
      "network/allowLocalBinding",
      [](const Settings& settings) {
        return network_flag(settings, &NetworkSettings::allow_local_binding);
      },
      has_network);
  flags.allow_plaintext_inject = merge.loosens(
      "credentials/allowPlaintextInject",
      [](const Settings& settings) {
        return settings.credentials ? settings.credentials->allow_plaintext_inject : std::nullopt;
      },
      has_credentials);
  policy.filesystem.disabled = merge.loosens(
      "filesystem/disabled",
      [](const Settings& settings) {
        return filesystem_flag(settings, &FilesystemSettings::disabled);
      },
      has_filesystem);
  policy.filesystem.allow_git_config = merge.loosens(
      "filesystem/allowGitConfig",
      [](const Settings& settings) {
        return filesystem_flag(settings, &FilesystemSettings::allow_git_config);
      },
      has_filesystem);
  for (const PolicyDocument& document : documents) {
    if (document.settings.allow_pty == false) flags.allow_pty = false;
  }
}

// The operator's and a project's are the most that there can be; of the user's the last stands.
template <class T>
void limit(std::optional<T>& effective, const std::optional<T>& value, std::optional<T>& ceiling,
           const PolicyDocument& document, const char* key, LayerConflicts& conflicts) {
  if (!value) return;
  switch (document.author) {
    case PolicyAuthor::kOperator: ceiling = effective = value; return;
    case PolicyAuthor::kUser:
      if (ceiling && *value > *ceiling) {
        return conflicts.problem(document.origin, key, "is more than the operator's policy allows");
      }
      effective = value;
      return;
    case PolicyAuthor::kBundle:
    case PolicyAuthor::kProject:
      effective = effective ? std::min(*effective, *value) : *value;
      return;
  }
}

void merge_resources(const std::vector<PolicyDocument>& documents, ResourceLimits& limits,
                     LayerConflicts& conflicts) {
  ResourceLimits ceiling;
  for (const PolicyDocument& document : documents) {
    if (!document.settings.resources) continue;
    const ResourceSettings& resources = *document.settings.resources;
    std::optional<uint64_t> memory;
    std::optional<uint32_t> cpus;
    if (resources.memory) memory = resources.memory->bytes;
    if (resources.cpus) cpus = resources.cpus->milli;
    limit(limits.memory, memory, ceiling.memory, document, "resources/memory", conflicts);
    limit(limits.milli_cpus, cpus, ceiling.milli_cpus, document, "resources/cpus", conflicts);
    limit(limits.pids, resources.pids, ceiling.pids, document, "resources/pids", conflicts);
  }
}

void merge_choices(const std::vector<PolicyDocument>& documents, SandboxPolicy& policy,
                   LayerConflicts& conflicts) {
  for (const PolicyDocument& document : documents) {
    const Settings& settings = document.settings;
    const bool project = document.author == PolicyAuthor::kProject;
    if (settings.ignore_violations) {
      if (project) conflicts.left_out(document, "ignoreViolations");
      for (const auto& [command, violations] : *settings.ignore_violations) {
        if (project) break;
        auto& all = policy.ignore_violations[command];
        all.insert(all.end(), violations.begin(), violations.end());
      }
    }
    if (settings.credentials && settings.credentials->env_vars) {
      for (const Credential& variable : *settings.credentials->env_vars) {
        if (variable.mode != CredentialMode::kDeny) continue;
        policy.denied_variables.push_back(variable.name.value_or(std::string()));
      }
    }
    if (settings.git && settings.git->safe_directories) {
      if (project) conflicts.left_out(document, "git/safeDirectories");
      auto& all = policy.git_safe_directories;
      const auto& more = *settings.git->safe_directories;
      if (!project) all.insert(all.end(), more.begin(), more.end());
    }
    if (settings.bwrap_path) {
      if (project) conflicts.left_out(document, "bwrapPath");
      if (!project) policy.bwrap_path = *settings.bwrap_path;
    }
  }
}

void merge_secrets(const Layers& layers, const LayerSources& sources, SandboxPolicy& policy,
                   LayerConflicts& conflicts) {
  policy.masked = merge_masked(layers.documents, sources.cwd, sources.home);
  if (!policy.masked.empty() && !policy.network.egress.tls &&
      !policy.flags.allow_plaintext_inject) {
    conflicts.problem(policy.masked.front().origin, "credentials",
                      oci::in_quotes(policy.masked.front().name) +
                          ": mode \"mask\" needs network.tlsTerminate, since the secret goes out "
                          "over TLS that was verified, or credentials.allowPlaintextInject");
  }
  for (const MaskedCredential& one : policy.masked) {
    if (one.kind != MaskedCredential::Kind::kFile) continue;
    if (policy.filesystem.disabled) {
      conflicts.problem(one.origin, "credentials/files",
                        oci::in_quotes(one.name) + " cannot be masked with filesystem.disabled");
    }
    for (const std::string& link : one.links) {
      if (!policy.filesystem.access(link).write) continue;
      conflicts.problem(one.origin, "credentials/files",
                        oci::in_quotes(one.name) + " is reached by the link " +
                            oci::in_quotes(link) +
                            ", which the command may replace: name the file itself");
    }
  }
}

void note_ineffective(const PolicyDocument& document, LayerConflicts& conflicts) {
  const Settings& settings = document.settings;
  const auto note = [&](bool present, const char* key, const char* why) {
    if (present) conflicts.note(document.origin, key, std::string("has no effect: ") + why);
  };
  constexpr char kMac[] = "it is for macOS";
  constexpr char kNoSearch[] = "protected names are matched as they are used, not searched for";
  constexpr char kOwn[] = "it is part of this program";
  note(settings.enable_weaker_network_isolation == true, "enableWeakerNetworkIsolation", kMac);
  note(settings.allow_apple_events == true, "allowAppleEvents", kMac);
  note(settings.allow_pty == false, "allowPty", kMac);
  note(settings.ripgrep.has_value(), "ripgrep", kNoSearch);
  note(settings.mandatory_deny_search_depth.has_value(), "mandatoryDenySearchDepth", kNoSearch);
  note(settings.seccomp.has_value(), "seccomp", kOwn);
  note(settings.socat_path.has_value(), "socatPath", kOwn);
  note(settings.java_agent_jar_path.has_value(), "javaAgentJarPath",
       "JAVA_TOOL_OPTIONS has the proxy as properties");
  note(settings.windows.has_value(), "windows", "it is for Windows");
  note(settings.network && settings.network->allow_mach_lookup, "network/allowMachLookup", kMac);
  constexpr char kFilter[] = "it is about filterRequest, which no file can set";
  if (const auto& network = settings.network) {
    note(network->allow_plaintext_header_set == true, "network/allowPlaintextHeaderSet", kFilter);
    note(network->ambiguous_request_target.has_value(), "network/ambiguousRequestTarget", kFilter);
  }
  if (settings.docker) conflicts.problem(document.origin, "docker", "is not supported yet");
}

// The operator's, the user's (always: without one, nothing would limit writes) and the project's.
std::vector<WrittenLayer> written_layers(const std::vector<PolicyDocument>& documents) {
  std::vector<WrittenLayer> layers;
  std::vector<WrittenRule> over_project;  // what a variable or a flag opens, a project cannot close
  for (const PolicyAuthor author :
       {PolicyAuthor::kOperator, PolicyAuthor::kUser, PolicyAuthor::kProject}) {
    WrittenLayer layer;
    bool states_writes = author == PolicyAuthor::kUser;
    for (const PolicyDocument& document : documents) {
      if (document.author != author) continue;
      if (layer.origin.empty()) layer.origin = document.origin;
      const size_t before = layer.rules.size();
      add_written_rules(document, layer, states_writes);
      if (!document.over_project) continue;
      std::copy_if(layer.rules.begin() + static_cast<ptrdiff_t>(before), layer.rules.end(),
                   std::back_inserter(over_project),
                   [](const WrittenRule& rule) { return rule.list == PathList::kAllowWrite; });
    }
    if (author == PolicyAuthor::kProject && states_writes) {
      layer.rules.insert(layer.rules.end(), over_project.begin(), over_project.end());
    }
    layer.limits_writes = states_writes;
    layer.narrows_only = author == PolicyAuthor::kProject;
    if (!layer.rules.empty() || states_writes) layers.push_back(std::move(layer));
  }
  return layers;
}

// Where a run to come looks for settings: nobody inside writes those, whatever is allowed.
WrittenLayer protected_settings(const std::vector<std::string>& places) {
  WrittenLayer layer{"protected: settings", false, true, {}};
  for (const std::string& place : places) {
    layer.rules.push_back({PathList::kDenyWrite, {place, true}, layer.origin});
  }
  return layer;
}

// Who has it is any server that programs inside know, for as long as they trust the authority.
WrittenLayer protected_key(const std::string& key) {
  WrittenLayer layer{"protected: tlsTerminate.caKeyPath", false, true, {}};
  layer.rules.push_back({PathList::kDenyRead, {key, true}, layer.origin});
  return layer;
}

bool names_network(const PolicyDocument& document) {
  if (document.settings.network) return true;
  if (!document.settings.permissions) return false;
  const auto names_host = [](const std::optional<std::vector<std::string>>& entries) {
    return entries && std::any_of(entries->begin(), entries->end(), [](const std::string& text) {
             const auto permission = parse_permission(text);
             return permission && permission->kind == Permission::Kind::kWebFetch;
           });
  };
  return names_host(document.settings.permissions->allow) ||
         names_host(document.settings.permissions->deny);
}

bool is_ceiling(const Layers& layers, const FilesystemLayer& layer) {
  return std::any_of(layers.documents.begin(), layers.documents.end(), [&](const auto& document) {
    return document.author == PolicyAuthor::kOperator && document.origin == layer.origin;
  });
}

}  // namespace

bool SandboxPolicy::has_way_out() const {
  const auto& layers = network.egress.layers;
  return !layers.empty() && std::none_of(layers.begin(), layers.end(),
                                         [](const auto& layer) { return layer.allowed.empty(); });
}

Result<SandboxPolicy> merge_layers(const Layers& layers, const LayerSources& sources) {
  LayerConflicts conflicts;
  SandboxPolicy policy;
  SRT_ASSIGN(policy.network, merge_documents(layers.documents, PolicySubject::kCommand));
  conflicts.notes = std::move(policy.network.notes);
  policy.names_network = std::any_of(layers.documents.begin(), layers.documents.end(),
                                     [](const auto& document) { return names_network(document); });
  // Under a ceiling the way out is the operator's to say.
  if (std::none_of(layers.documents.begin(), layers.documents.end(), [](const auto& document) {
        return document.author == PolicyAuthor::kOperator && document.settings.network;
      })) {
    use_callers_proxy(sources.environment, policy.network.egress, conflicts.notes);
  }
  if (policy.network.egress.mitm && policy.network.egress.tls) {
    conflicts.problem("settings", "network/mitmProxy",
                      "cannot stand beside tlsTerminate, which another document has");
  }
  SRT_TRY(locate_unix_proxy(policy.network.egress, sources.home));
  policy.settings_places = layers.settings_places;
  // Whoever could put a socket of their own there would be the proxy for all later runs.
  if (const auto& mitm = policy.network.egress.mitm) {
    policy.settings_places.push_back(mitm->socket_path);
  }
  std::vector<WrittenLayer> written = written_layers(layers.documents);
  written.push_back(protected_settings(policy.settings_places));
  for (const PolicyDocument& document : layers.documents) {
    if (!document.settings.network || !document.settings.network->tls_terminate) continue;
    policy.tls_authority =
        tls_authority(*document.settings.network->tls_terminate, sources.cwd, sources.home);
  }
  if (policy.tls_authority && !policy.tls_authority->key.empty()) {
    written.push_back(protected_key(policy.tls_authority->key));
  }
  SRT_ASSIGN(policy.filesystem, filesystem_rules(written, sources.cwd, sources.home));
  const bool ceiling =
      !policy.filesystem.layers.empty() && is_ceiling(layers, policy.filesystem.layers.front());
  conflicts.add_problems(policy.filesystem.widenings(ceiling ? 1 : 0));
  UnixSockets sockets = merge_unix_sockets(sources, layers.documents);
  conflicts.add_problems(sockets.problems);
  conflicts.add_notes(sockets.notes);
  policy.unix_sockets = std::move(sockets.allowed);
  merge_flags(layers.documents, policy, conflicts);
  merge_resources(layers.documents, policy.resources, conflicts);
  merge_choices(layers.documents, policy, conflicts);
  merge_secrets(layers, sources, policy, conflicts);
  policy.mac = merge_mac_settings(layers.documents);
  for (const PolicyDocument& document : layers.documents) note_ineffective(document, conflicts);
  if (!conflicts.found.empty()) return fail(conflicts.found);
  conflicts.add_notes(policy.filesystem.notes);
  policy.files = layers.files;
  policy.notes = policy.network.notes = std::move(conflicts.notes);
  policy.hash = policy.network.hash = sha256_hex(to_json(policy, oci::Layout::kCompact));
  return policy;
}

Result<SandboxPolicy> sandbox_policy(const LayerSources& sources) {
  SRT_ASSIGN(const Layers layers, load_layers(sources));
  return merge_layers(layers, sources);
}

}  // namespace srt::runtime
