#include "runtime/layers.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "proxy/domain_pattern.h"
#include "runtime/policy_file.h"
#include "runtime/resolved_path.h"

namespace srt::runtime {
namespace {

constexpr std::string_view kSettingsVariable = "SRT_SETTINGS";

enum class RuleList { kAllowDomain, kDenyDomain, kAllowWrite, kDenyRead, kAllowRead, kDenyWrite };

struct Variable {
  std::string_view name;
  RuleList list;
};
constexpr std::array kVariables = {
    Variable{"SRT_ALLOW_DOMAINS", RuleList::kAllowDomain},
    Variable{"SRT_DENY_DOMAINS", RuleList::kDenyDomain},
    Variable{"SRT_ALLOW_WRITE", RuleList::kAllowWrite},
    Variable{"SRT_DENY_READ", RuleList::kDenyRead},
    Variable{"SRT_ALLOW_READ", RuleList::kAllowRead},
    Variable{"SRT_DENY_WRITE", RuleList::kDenyWrite},
};

// The entries of one variable or flag, as a document of their own.
Result<PolicyDocument> from_list(RuleList list, const std::vector<std::string>& entries,
                                 const std::string& origin) {
  PolicyDocument document{origin, PolicyAuthor::kUser, {}, list == RuleList::kAllowDomain, true};
  oci::Diagnostics found(origin);
  const bool allow = list == RuleList::kAllowDomain;
  const auto add_domains = [&](std::vector<std::string>& domains) {
    for (const std::string& entry : entries) {
      const auto pattern = proxy::DomainPattern::parse(
          entry, allow ? proxy::PatternList::kAllow : proxy::PatternList::kDeny);
      if (!pattern) found.add(std::string(), pattern.error());
      domains.push_back(entry);
    }
  };
  const auto add_paths = [&](std::vector<PathEntry>& paths) {
    for (const std::string& entry : entries) {
      if (entry.empty()) found.add(std::string(), "must not be empty");
      paths.push_back({entry, false});
    }
  };
  Settings& settings = document.settings;
  switch (list) {
    case RuleList::kAllowDomain: add_domains(settings.network.emplace().allowed_domains); break;
    case RuleList::kDenyDomain: add_domains(settings.network.emplace().denied_domains); break;
    case RuleList::kAllowWrite: add_paths(settings.filesystem.emplace().allow_write); break;
    case RuleList::kDenyRead: add_paths(settings.filesystem.emplace().deny_read); break;
    case RuleList::kAllowRead: add_paths(settings.filesystem.emplace().allow_read.emplace()); break;
    case RuleList::kDenyWrite: add_paths(settings.filesystem.emplace().deny_write); break;
  }
  if (settings.filesystem) check_filesystem(oci::Path(), *settings.filesystem, found);
  if (!found.empty()) return fail(found);
  return document;
}

std::vector<std::string> split_paths(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(':', at), text.size());
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat first {
  }, second{};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

class Loading {
 public:
  explicit Loading(const LayerSources& sources) : sources_(sources) {}

  Result<Layers> run() {
    SRT_TRY(add_operator());
    if (sources_.replacement) {
      SRT_TRY(add_text(*sources_.replacement, "the control line", PolicyAuthor::kUser));
      note_places();
      return std::move(layers_);
    }
    SRT_TRY(check_variables());
    SRT_TRY(add_user());
    SRT_TRY(add_environment());
    SRT_TRY(add_flags());
    SRT_TRY(add_project());
    note_places();
    return std::move(layers_);
  }

 private:
  Result<void> add_text(const std::string& text, const std::string& origin, PolicyAuthor author) {
    PolicyDocument document;
    document.origin = origin;
    document.author = author;
    const SettingsForm form =
        author == PolicyAuthor::kUser ? SettingsForm::kUsers : SettingsForm::kAny;
    SRT_ASSIGN(document.settings, parse_settings(text, origin, form));
    layers_.documents.push_back(std::move(document));
    return {};
  }

  // False where there is no such file.
  Result<bool> add_file_if_any(const std::string& path, const std::string& origin,
                               PolicyAuthor author) {
    SRT_ASSIGN(const std::optional<std::string> text, read_policy_file_if_any(path, author));
    if (!text) return false;
    SRT_TRY(add_text(*text, origin, author));
    layers_.files.push_back(path);
    return true;
  }

  Result<void> add_operator() {
    const std::string& file = sources_.operator_file;
    if (file.empty()) return {};
    SRT_TRY(add_file_if_any(file, file, PolicyAuthor::kOperator));
    return {};
  }

  std::string absolute(const std::string& path) const {
    return path.starts_with('/') ? path : join_path(sources_.cwd, path);
  }

  Result<void> add_user() {
    const std::optional<std::string> named = named_file();
    if (!named) {
      if (sources_.home.empty()) return {};
      user_file_ = join_path(sources_.home, kUserSettings);
      SRT_TRY(add_file_if_any(user_file_, std::string("~/") + kUserSettings, PolicyAuthor::kUser));
      return {};
    }
    if (named->empty()) return fail("-s", "names no file");
    user_file_ = absolute(*named);
    SRT_ASSIGN(const bool there, add_file_if_any(user_file_, *named, PolicyAuthor::kUser));
    if (!there) {
      return fail(*named, "there is no such settings file",
                  "write it, or name another one; without -s and SRT_SETTINGS it is ~/" +
                      std::string(kUserSettings));
    }
    return {};
  }

  std::optional<std::string> named_file() const {
    if (sources_.settings_file) return sources_.settings_file;
    const auto at = sources_.environment.find(std::string(kSettingsVariable));
    if (at == sources_.environment.end() || at->second.empty()) return {};
    return at->second;
  }

  // A misspelled SRT_DENY_READ would be a rule that silently does not hold. Other programs may have
  // SRT_* variables of their own: only what is nearly one of ours is refused.
  Result<void> check_variables() const {
    std::vector<std::string_view> names = {kSettingsVariable};
    for (const Variable& variable : kVariables) names.push_back(variable.name);
    for (const auto& [name, value] : sources_.environment) {
      if (!name.starts_with("SRT_")) continue;
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      const std::string_view near = oci::nearest(name, names.data(), names.size());
      if (near.empty()) continue;
      return fail("environment variable " + oci::printable(name), "is not known",
                  "did you mean " + std::string(near) + "?");
    }
    return {};
  }

  Result<void> add_environment() {
    for (const Variable& variable : kVariables) {
      const auto at = sources_.environment.find(std::string(variable.name));
      if (at == sources_.environment.end() || at->second.empty()) continue;
      const bool domains =
          variable.list == RuleList::kAllowDomain || variable.list == RuleList::kDenyDomain;
      SRT_TRY(add_list(variable.list, domains ? split_list(at->second) : split_paths(at->second),
                       std::string(variable.name)));
    }
    return {};
  }

  Result<void> add_flags() {
    const FlagRules& flags = sources_.flags;
    SRT_TRY(add_list(RuleList::kAllowDomain, flags.allow_domain, "--allow-domain"));
    SRT_TRY(add_list(RuleList::kDenyDomain, flags.deny_domain, "--deny-domain"));
    SRT_TRY(add_list(RuleList::kAllowWrite, flags.allow_write, "--allow-write"));
    SRT_TRY(add_list(RuleList::kDenyRead, flags.deny_read, "--deny-read"));
    return {};
  }

  Result<void> add_list(RuleList list, const std::vector<std::string>& entries,
                        const std::string& origin) {
    if (entries.empty()) return {};
    SRT_ASSIGN(PolicyDocument document, from_list(list, entries, origin));
    layers_.documents.push_back(std::move(document));
    return {};
  }

  // In the home folder, or with `-s .srt-settings.json`, the file is the user's own.
  Result<void> add_project() {
    const std::string file = join_path(sources_.cwd, kUserSettings);
    if (!user_file_.empty() && same_file(file, user_file_)) return {};
    SRT_TRY(add_file_if_any(file, file, PolicyAuthor::kProject));
    return {};
  }

  void note_places() {
    std::vector<std::string>& places = layers_.settings_places;
    places = layers_.files;
    places.push_back(join_path(sources_.cwd, kUserSettings));
    if (!sources_.home.empty()) places.push_back(join_path(sources_.home, kUserSettings));
    if (!user_file_.empty()) places.push_back(user_file_);
    if (const auto named = named_file(); named && !named->empty()) {
      places.push_back(absolute(*named));
    }
    for (std::string& place : places) place = spelled_path("/", place);
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
  }

  const LayerSources& sources_;
  Layers layers_;
  std::string user_file_;
};

}  // namespace

Result<Layers> load_layers(const LayerSources& sources) { return Loading(sources).run(); }

}  // namespace srt::runtime
