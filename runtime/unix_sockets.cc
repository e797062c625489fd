#include "runtime/unix_sockets.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "runtime/resolved_path.h"
#include "runtime/settings_permissions.h"

namespace srt::runtime {
namespace {

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

constexpr char kNoHome[] = "means a home folder: there is none";

bool is_in_home(std::string_view path) { return path == "~" || path.starts_with("~/"); }

bool within_any(const SocketRule& socket, const std::vector<SocketRule>& bounds) {
  return std::any_of(bounds.begin(), bounds.end(),
                     [&](const SocketRule& bound) { return is_within(socket.path, bound.path); });
}

class SocketMerge {
 public:
  explicit SocketMerge(const LayerSources& sources) : sources_(sources) {}

  void add(const PolicyDocument& document) {
    const bool is_operator = document.author == PolicyAuthor::kOperator;
    const bool is_project = document.author == PolicyAuthor::kProject;
    // A ceiling with network rules allows the sockets that it lists, or all, or none.
    const auto& network = document.settings.network;
    if (is_operator && network && network->allow_all_unix_sockets != true) {
      bounded_by_ = document.origin;
    }
    const auto listed = sockets_of(document.settings);
    if (!listed) return;
    if (is_project) narrowed_by_ = document.origin;
    auto& out = is_operator ? ceiling_ : (is_project ? project_ : user_);
    for (const std::string& text : *listed) resolve(document.origin, text, out);
  }

  UnixSockets finish() && {
    for (SocketRule& socket : user_) {
      if (!bounded_by_.empty() && !within_any(socket, ceiling_)) {
        problem(socket.origin, socket.written, "is not among those of " + bounded_by_);
      }
      if (!narrowed_by_.empty() && !within_any(socket, project_)) {
        out_.notes.push_back(
            line(narrowed_by_, socket.written, "is left out of those of " + socket.origin));
        continue;
      }
      out_.allowed.push_back(std::move(socket));
    }
    return std::move(out_);
  }

 private:
  static std::string line(const std::string& origin, const std::string& text,
                          const std::string& why) {
    return oci::printable(origin, 200) + ": /network/allowUnixSockets: " + oci::in_quotes(text) +
           " " + why;
  }
  void problem(const std::string& origin, const std::string& text, const std::string& why) {
    out_.problems.push_back(line(origin, text, why));
  }

  void resolve(const std::string& origin, const std::string& text, std::vector<SocketRule>& out) {
    std::string path = text;
    if (is_in_home(path)) {
      if (sources_.home.empty()) return problem(origin, text, kNoHome);
      path = sources_.home + path.substr(1);
    }
    if (!path.starts_with('/')) path = join_path(sources_.cwd, path);
    out.push_back({resolve_path(path).path, spelled_path("/", path), text, origin});
  }

  const LayerSources& sources_;
  UnixSockets out_;
  std::vector<SocketRule> ceiling_, user_, project_;
  std::string bounded_by_, narrowed_by_;
};

}  // namespace

UnixSockets merge_unix_sockets(const LayerSources& sources,
                               const std::vector<PolicyDocument>& documents) {
  SocketMerge merge(sources);
  for (const PolicyDocument& document : documents) merge.add(document);
  return std::move(merge).finish();
}

Result<void> locate_unix_proxy(proxy::EgressPolicy& policy, const std::string& home) {
  constexpr char kObject[] = "/network/mitmProxy/socketPath";
  if (!policy.mitm) return {};
  std::string& path = policy.mitm->socket_path;
  if (is_in_home(path)) {
    if (home.empty()) return fail(kObject, kNoHome);
    path = home + path.substr(1);
  }
  ResolvedPath place = resolve_path(path);
  const auto planted = std::find_if_not(place.links.begin(), place.links.end(), is_systems_link);
  if (planted != place.links.end()) {
    return fail(kObject,
                oci::printable(*planted, 200) +
                    " is a symbolic link that a command may have made, and leads to " +
                    oci::printable(place.path, 200),
                "name that place itself");
  }
  path = std::move(place.path);
  return {};
}

}  // namespace srt::runtime
