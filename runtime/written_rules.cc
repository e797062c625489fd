#include "runtime/written_rules.h"

#include <optional>
#include <string>
#include <vector>

#include "runtime/settings_permissions.h"

namespace srt::runtime {

void add_written_rules(const PolicyDocument& document, WrittenLayer& layer, bool& states_writes) {
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
  if (document.settings.credentials && document.settings.credentials->files) {
    for (const Credential& file : *document.settings.credentials->files) {
      if (file.path) add(PathList::kDenyRead, {*file.path, false});
    }
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

}  // namespace srt::runtime
