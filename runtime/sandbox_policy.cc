#include "runtime/sandbox_policy.h"

#include <algorithm>
#include <utility>

#include "runtime/explain.h"
#include "runtime/layer_conflicts.h"
#include "runtime/layers_network.h"
#include "runtime/settings_permissions.h"
#include "runtime/sha256.h"

namespace srt::runtime {
namespace {

// Whether one document may loosen something, and what became of it.
class FlagMerge {
 public:
  FlagMerge(const std::vector<LayerDocument>& documents, LayerConflicts& conflicts)
      : documents_(documents), conflicts_(conflicts) {}

  // True loosens. `get` gives the value of a document; `bounds` says whether an operator's document must
  // set it for a user's to be heard.
  template <class Get, class Bounds>
  bool loosens(const char* key, Get get, Bounds bounds) {
    bool value = false;
    std::string bounded_by;
    for (const LayerDocument& document : documents_) {
      const std::optional<bool> said = get(document.settings);
      switch (document.author) {
        case LayerAuthor::kOperator:
          if (bounds(document.settings) && said != true) bounded_by = document.origin;
          break;
        case LayerAuthor::kUser:
          if (said == true && !bounded_by.empty()) {
            conflicts_.problem(document.origin, key,
                               "widens what " + bounded_by + " allows, which does not set it");
          } else if (said) {
            value = *said;
          }
          break;
        case LayerAuthor::kProject:
          if (said == true && !value) conflicts_.left_out(document, key);
          if (said == false) value = false;
          break;
      }
    }
    return value;
  }

 private:
  const std::vector<LayerDocument>& documents_;
  LayerConflicts& conflicts_;
};

bool has_network(const Settings& settings) { return settings.network.has_value(); }
bool has_filesystem(const Settings& settings) { return settings.filesystem.has_value(); }
bool always(const Settings&) { return true; }

std::optional<bool> network_flag(const Settings& settings,
                                 std::optional<bool> NetworkSettings::*member) {
  return settings.network ? (*settings.network).*member : std::nullopt;
}
std::optional<bool> filesystem_flag(const Settings& settings,
                                    std::optional<bool> FilesystemSettings::*member) {
  return settings.filesystem ? (*settings.filesystem).*member : std::nullopt;
}

void merge_flags(const std::vector<LayerDocument>& documents, SandboxPolicy& policy,
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
      "network.allowAllUnixSockets",
      [](const Settings& settings) {
        return network_flag(settings, &NetworkSettings::allow_all_unix_sockets);
      },
      has_network);
  flags.allow_local_binding = merge.loosens(
      "network.allowLocalBinding",
      [](const Settings& settings) {
        return network_flag(settings, &NetworkSettings::allow_local_binding);
      },
      has_network);
  policy.filesystem.disabled = merge.loosens(
      "filesystem.disabled",
      [](const Settings& settings) {
        return filesystem_flag(settings, &FilesystemSettings::disabled);
      },
      has_filesystem);
  policy.filesystem.allow_git_config = merge.loosens(
      "filesystem.allowGitConfig",
      [](const Settings& settings) {
        return filesystem_flag(settings, &FilesystemSettings::allow_git_config);
      },
      has_filesystem);
  for (const LayerDocument& document : documents) {
    if (document.settings.allow_pty == false) flags.allow_pty = false;
  }
}

// The operator's and a project's are the most that there can be; of the user's the last stands.
template <class T>
void limit(std::optional<T>& effective, const std::optional<T>& value, std::optional<T>& ceiling,
           const LayerDocument& document, const char* key, LayerConflicts& conflicts) {
  if (!value) return;
  switch (document.author) {
    case LayerAuthor::kOperator: ceiling = effective = value; return;
    case LayerAuthor::kUser:
      if (ceiling && *value > *ceiling) {
        return conflicts.problem(document.origin, key, "is more than the operator's policy allows");
      }
      effective = value;
      return;
    case LayerAuthor::kProject:
      effective = effective ? std::min(*effective, *value) : *value;
      return;
  }
}

void merge_resources(const std::vector<LayerDocument>& documents, ResourceLimits& limits,
                     LayerConflicts& conflicts) {
  ResourceLimits ceiling;
  for (const LayerDocument& document : documents) {
    if (!document.settings.resources) continue;
    const ResourceSettings& resources = *document.settings.resources;
    std::optional<uint64_t> memory;
    std::optional<uint32_t> cpus;
    if (resources.memory) memory = resources.memory->bytes;
    if (resources.cpus) cpus = resources.cpus->milli;
    limit(limits.memory, memory, ceiling.memory, document, "resources.memory", conflicts);
    limit(limits.milli_cpus, cpus, ceiling.milli_cpus, document, "resources.cpus", conflicts);
    limit(limits.pids, resources.pids, ceiling.pids, document, "resources.pids", conflicts);
  }
}

// The operator's audit stands: the user is one of those who are audited.
void merge_audit(const std::vector<LayerDocument>& documents, AuditPolicy& audit,
                 LayerConflicts& conflicts) {
  AuditSettings fixed;
  for (const LayerDocument& document : documents) {
    if (!document.settings.audit) continue;
    const AuditSettings& said = *document.settings.audit;
    if (document.author == LayerAuthor::kProject) {
      conflicts.left_out(document, "audit");
      continue;
    }
    const auto settle = [&](auto AuditSettings::*member, const char* key) {
      if (!(said.*member) || fixed.*member == said.*member) return false;
      if (fixed.*member) {
        conflicts.problem(document.origin, key, "is set by the operator's policy already");
        return false;
      }
      if (document.author == LayerAuthor::kOperator) fixed.*member = said.*member;
      return true;
    };
    if (settle(&AuditSettings::file, "audit.file")) audit.file = *said.file;
    if (settle(&AuditSettings::max_bytes, "audit.maxBytes")) {
      audit.max_bytes = said.max_bytes->bytes;
    }
    if (settle(&AuditSettings::keep, "audit.keep")) audit.keep = *said.keep;
  }
}

void merge_choices(const std::vector<LayerDocument>& documents, SandboxPolicy& policy,
                   LayerConflicts& conflicts) {
  for (const LayerDocument& document : documents) {
    const Settings& settings = document.settings;
    const bool project = document.author == LayerAuthor::kProject;
    if (settings.ignore_violations) {
      if (project) conflicts.left_out(document, "ignoreViolations");
      for (const auto& [command, violations] : *settings.ignore_violations) {
        if (project) break;
        auto& all = policy.ignore_violations[command];
        all.insert(all.end(), violations.begin(), violations.end());
      }
    }
    if (settings.git && settings.git->safe_directories) {
      if (project) conflicts.left_out(document, "git.safeDirectories");
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

void note_ineffective(const LayerDocument& document, LayerConflicts& conflicts) {
  const Settings& settings = document.settings;
  const auto note = [&](bool present, const char* key, const char* why) {
    if (present) conflicts.note(document.origin, key, std::string("has no effect: ") + why);
  };
  constexpr char kMac[] = "it is for macOS";
  constexpr char kNoSearch[] = "protected names are matched as they are used, not searched for";
  constexpr char kOwn[] = "it is part of this program";
  note(settings.enable_weaker_network_isolation == true, "enableWeakerNetworkIsolation", kMac);
  note(settings.allow_apple_events == true, "allowAppleEvents", kMac);
  note(settings.ripgrep.has_value(), "ripgrep", kNoSearch);
  note(settings.mandatory_deny_search_depth.has_value(), "mandatoryDenySearchDepth", kNoSearch);
  note(settings.seccomp.has_value(), "seccomp", kOwn);
  note(settings.socat_path.has_value(), "socatPath", kOwn);
  note(settings.java_agent_jar_path.has_value(), "javaAgentJarPath",
       "JAVA_TOOL_OPTIONS has the proxy as properties");
  note(settings.windows.has_value(), "windows", "it is for Windows");
  note(settings.network && settings.network->allow_mach_lookup, "network.allowMachLookup", kMac);
  if (settings.docker) conflicts.problem(document.origin, "docker", "is not supported yet");
}

void write_rules(const LayerDocument& document, WrittenLayer& layer, bool& states_writes) {
  const auto add = [&](PathList list, const PathEntry& entry) {
    layer.rules.push_back({list, entry, document.origin});
  };
  if (const auto& filesystem = document.settings.filesystem) {
    states_writes = true;
    for (const PathEntry& entry : filesystem->deny_read) add(PathList::kDenyRead, entry);
    for (const PathEntry& entry : filesystem->allow_read.value_or(std::vector<PathEntry>())) {
      add(PathList::kAllowRead, entry);
    }
    for (const PathEntry& entry : filesystem->allow_write) add(PathList::kAllowWrite, entry);
    for (const PathEntry& entry : filesystem->deny_write) add(PathList::kDenyWrite, entry);
  }
  if (!document.settings.permissions) return;
  const auto add_permissions = [&](const std::optional<std::vector<std::string>>& entries,
                                   bool allow) {
    for (const std::string& text : entries.value_or(std::vector<std::string>())) {
      const auto permission = parse_permission(text);
      if (!permission) continue;
      switch (permission->kind) {
        case Permission::Kind::kRead:
          add(allow ? PathList::kAllowRead : PathList::kDenyRead, {permission->argument, false});
          break;
        case Permission::Kind::kEdit:
          states_writes |= allow;
          add(allow ? PathList::kAllowWrite : PathList::kDenyWrite, {permission->argument, false});
          break;
        case Permission::Kind::kWebFetch:
        case Permission::Kind::kUnixSocket: break;
      }
    }
  };
  add_permissions(document.settings.permissions->allow, true);
  add_permissions(document.settings.permissions->deny, false);
}

// The operator's, the user's (always: without one, nothing would limit writes) and the project's.
std::vector<WrittenLayer> written_layers(const std::vector<LayerDocument>& documents) {
  std::vector<WrittenLayer> layers;
  for (const LayerAuthor author :
       {LayerAuthor::kOperator, LayerAuthor::kUser, LayerAuthor::kProject}) {
    WrittenLayer layer;
    bool states_writes = author == LayerAuthor::kUser;
    for (const LayerDocument& document : documents) {
      if (document.author != author) continue;
      if (layer.origin.empty()) layer.origin = document.origin;
      write_rules(document, layer, states_writes);
    }
    layer.limits_writes = states_writes;
    layer.narrows_only = author == LayerAuthor::kProject;
    if (!layer.rules.empty() || states_writes) layers.push_back(std::move(layer));
  }
  return layers;
}

bool is_ceiling(const Layers& layers, const FilesystemLayer& layer) {
  return std::any_of(layers.documents.begin(), layers.documents.end(), [&](const auto& document) {
    return document.author == LayerAuthor::kOperator && document.origin == layer.origin;
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
  SRT_ASSIGN(policy.filesystem,
             filesystem_rules(written_layers(layers.documents), sources.cwd, sources.home));
  const bool ceiling =
      !policy.filesystem.layers.empty() && is_ceiling(layers, policy.filesystem.layers.front());
  for (const std::string& widening : policy.filesystem.widenings(ceiling ? 1 : 0)) {
    conflicts.found.add(std::string(), widening);
  }
  merge_network(layers.documents, policy.network, conflicts);
  policy.unix_sockets = merge_unix_sockets(layers, sources, conflicts);
  merge_flags(layers.documents, policy, conflicts);
  merge_resources(layers.documents, policy.resources, conflicts);
  merge_audit(layers.documents, policy.network.audit, conflicts);
  merge_choices(layers.documents, policy, conflicts);
  for (const LayerDocument& document : layers.documents) {
    note_ineffective(document, conflicts);
    policy.network.sources.push_back(document.origin);
  }
  if (!conflicts.found.empty()) return fail(conflicts.found);
  policy.files = layers.files;
  policy.settings_places = layers.settings_places;
  policy.notes = std::move(conflicts.notes);
  const auto& more = policy.filesystem.notes;
  policy.notes.insert(policy.notes.end(), more.begin(), more.end());
  policy.network.notes = policy.notes;
  policy.hash = sha256_hex(to_json(policy, oci::Layout::kCompact));
  policy.network.hash = policy.hash;
  return policy;
}

Result<SandboxPolicy> sandbox_policy(const LayerSources& sources) {
  SRT_ASSIGN(const Layers layers, load_layers(sources));
  return merge_layers(layers, sources);
}

}  // namespace srt::runtime
