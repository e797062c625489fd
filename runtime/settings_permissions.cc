#include "runtime/settings_permissions.h"

#include <array>
#include <utility>

#include "proxy/domain_pattern.h"

namespace srt::runtime {
namespace {

using Kind = Permission::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 4> kForms = {{
    {"WebFetch(domain:", Kind::kWebFetch},
    {"Read(", Kind::kRead},
    {"Edit(", Kind::kEdit},
    {"UnixSocket(", Kind::kUnixSocket},
}};

void check_list(const oci::Path& path, const std::vector<std::string>& entries,
                proxy::PatternList list, oci::Diagnostics& diagnostics) {
  for (size_t i = 0; i < entries.size() && !diagnostics.full(); ++i) {
    const auto permission = parse_permission(entries[i]);
    if (!permission) {
      diagnostics.add_new(path / i, permission.error());
      continue;
    }
    switch (permission->kind) {
      case Kind::kWebFetch: {
        const auto pattern = proxy::DomainPattern::parse(permission->argument, list);
        if (!pattern) diagnostics.add_new(path / i, pattern.error());
        break;
      }
      case Kind::kUnixSocket:
        if (list == proxy::PatternList::kDeny) {
          diagnostics.add_new(path / i,
                              "is not needed: a unix socket that no rule allows is denied");
        }
        break;
      case Kind::kRead:
      case Kind::kEdit: break;
    }
  }
}

}  // namespace

tl::expected<Permission, std::string> parse_permission(std::string_view text) {
  for (const auto& [prefix, kind] : kForms) {
    if (!text.starts_with(prefix) || !text.ends_with(')')) continue;
    const std::string_view argument = text.substr(prefix.size(), text.size() - prefix.size() - 1);
    if (argument.empty()) break;
    return Permission{kind, std::string(argument)};
  }
  return tl::unexpected(
      "must be WebFetch(domain:HOST), Read(PATH), Edit(PATH) or UnixSocket(PATH), got " +
      oci::in_quotes(text));
}

void check_permissions(const oci::Path& path, const PermissionSettings& permissions,
                       oci::Diagnostics& diagnostics) {
  if (permissions.allow) {
    check_list(path / "allow", *permissions.allow, proxy::PatternList::kAllow, diagnostics);
  }
  if (permissions.deny) {
    check_list(path / "deny", *permissions.deny, proxy::PatternList::kDeny, diagnostics);
  }
}

}  // namespace srt::runtime
