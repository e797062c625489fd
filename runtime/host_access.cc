#include "runtime/host_access.h"

#include <sys/stat.h>

#include <string>
#include <utility>

#include "runtime/resolved_path.h"
#include "runtime/store.h"

namespace srt::runtime {
namespace {

platform::PathEffect effect_of(PathList list) {
  switch (list) {
    case PathList::kDenyRead: return platform::PathEffect::kDenyRead;
    case PathList::kAllowRead: return platform::PathEffect::kAllowRead;
    case PathList::kAllowWrite: return platform::PathEffect::kAllowWrite;
    case PathList::kDenyWrite: return platform::PathEffect::kDenyWrite;
  }
  return platform::PathEffect::kDenyWrite;
}

// Bytes of `path` that exist as they are spelled.
size_t existing_part(std::string_view path) {
  for (; path != "/"; path = parent_of(path)) {
    struct stat status {};
    if (lstat(std::string(path).c_str(), &status) == 0) break;
  }
  return path.size();
}

platform::PathRule path_rule(const PathRule& from) {
  platform::PathRule rule;
  rule.effect = effect_of(from.list);
  rule.path = from.path;
  rule.links = from.links;
  rule.opens_protected = from.literal;
  if (from.pattern) {
    rule.path = from.pattern->base();
    rule.pattern = from.pattern->text().substr(rule.path == "/" ? 1 : rule.path.size() + 1);
  }
  if (!from.exists) rule.existing = existing_part(rule.path);
  return rule;
}

}  // namespace

platform::FilesystemAccess filesystem_access(const FilesystemRules& rules) {
  platform::FilesystemAccess access;
  access.unrestricted = rules.disabled;
  access.allow_git_config = rules.allow_git_config;
  for (const FilesystemLayer& from : rules.layers) {
    platform::FilesystemLayer& layer = access.layers.emplace_back();
    layer.limits_writes = from.limits_writes;
    for (const PathRule& rule : from.rules) {
      layer.rules.push_back(path_rule(rule));
      // A project's settings open no protected name: the sandboxed code may have written them.
      if (from.narrows_only) layer.rules.back().opens_protected = false;
    }
  }
  if (access.layers.empty()) access.layers.emplace_back();  // nothing may be written
  return access;
}

platform::HostAccess host_access(const SandboxPolicy& policy) {
  platform::HostAccess access;
  access.filesystem = filesystem_access(policy.filesystem);
  access.filesystem.settings_files = policy.settings_places;
  access.filesystem.settings_files.insert(access.filesystem.settings_files.end(),
                                          policy.files.begin(), policy.files.end());
  for (const std::string& place : Store::places()) {  // a later run believes what stands there
    access.filesystem.settings_files.push_back(resolve_path(place).path);
  }
  if (!policy.control_file.empty()) {
    access.filesystem.settings_files.push_back(policy.control_file);
  }
  for (const SocketRule& socket : policy.unix_sockets) access.unix_sockets.push_back(socket.path);
  access.all_unix_sockets = policy.flags.allow_all_unix_sockets;
  access.local_binding = policy.flags.allow_local_binding;
  access.terminals = policy.mac.terminals;
  access.mach_services = policy.mac.mach_services;
  access.apple_events = policy.mac.apple_events;
  access.weaker_network_isolation = policy.mac.weaker_network_isolation;
  return access;
}

}  // namespace srt::runtime
