#include "runtime/command_settings.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/domain_pattern.h"
#include "runtime/policy_merge.h"
#include "runtime/sha256.h"

namespace srt::runtime {
namespace {

using Documents = std::vector<PolicyDocument>;

Result<void> add_text(std::string_view text, const std::string& origin, PolicyAuthor author,
                      Documents& documents) {
  PolicyDocument document;
  SRT_ASSIGN(document.settings, parse_settings(text, origin));
  document.origin = origin;
  document.author = author;
  documents.push_back(std::move(document));
  return {};
}

Result<void> add_file(const std::string& path, PolicyAuthor author, Documents& documents) {
  SRT_ASSIGN(const std::string text, read_policy_file(path, author));
  return add_text(text, path, author, documents);
}

Result<void> add_file_if_any(const std::string& path, PolicyAuthor author, Documents& documents) {
  SRT_ASSIGN(const std::optional<std::string> text, read_policy_file_if_any(path, author));
  return text ? add_text(*text, path, author, documents) : Result<void>();
}

// What a flag or a variable lists, as the document that says the same.
enum class Short { kAllowDomain, kDenyDomain, kAllowWrite, kDenyRead };

Result<void> check_domains(const std::string& origin, const std::vector<std::string>& domains,
                           proxy::PatternList list) {
  oci::Diagnostics found(origin);
  for (const std::string& domain : domains) {
    const auto pattern = proxy::DomainPattern::parse(domain, list);
    if (!pattern) found.add(std::string(), pattern.error());
  }
  if (!found.empty()) return fail(found);
  return {};
}

Result<void> add_list(Short kind, const std::string& origin, std::vector<std::string> entries,
                      Documents& documents) {
  if (entries.empty()) return {};
  if (std::find(entries.begin(), entries.end(), "") != entries.end()) {
    return fail(origin, "must not be empty");
  }
  PolicyDocument document;
  document.origin = origin;
  document.author = PolicyAuthor::kUser;
  document.states_allowed = kind == Short::kAllowDomain;
  document.over_project = true;
  std::vector<PathEntry> paths;
  for (const std::string& entry : entries) paths.push_back({entry});
  switch (kind) {
    case Short::kAllowDomain:
      SRT_TRY(check_domains(origin, entries, proxy::PatternList::kAllow));
      document.settings.network.emplace().allowed_domains = std::move(entries);
      break;
    case Short::kDenyDomain:
      SRT_TRY(check_domains(origin, entries, proxy::PatternList::kDeny));
      document.settings.network.emplace().denied_domains = std::move(entries);
      break;
    case Short::kAllowWrite:
      document.settings.filesystem.emplace().allow_write = std::move(paths);
      break;
    case Short::kDenyRead:
      document.settings.filesystem.emplace().deny_read = std::move(paths);
      break;
  }
  documents.push_back(std::move(document));
  return {};
}

// Empty parts are none: PATH-like variables often end in a separator.
std::vector<std::string> parts(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (!part.empty()) out.emplace_back(part);
  }
  return out;
}

Result<void> add_environment(const std::vector<std::string>& environment, Documents& documents) {
  struct Variable {
    std::string_view name;
    Short kind;
    char separator;
  };
  constexpr Variable kVariables[] = {
      {"SRT_ALLOW_DOMAINS", Short::kAllowDomain, ','},
      {"SRT_DENY_DOMAINS", Short::kDenyDomain, ','},
      {"SRT_ALLOW_WRITE", Short::kAllowWrite, ':'},
      {"SRT_DENY_READ", Short::kDenyRead, ':'},
  };
  for (const Variable& variable : kVariables) {
    for (const std::string& entry : environment) {
      if (std::string_view(entry).substr(0, entry.find('=')) != variable.name) continue;
      const size_t value = std::min(variable.name.size() + 1, entry.size());
      SRT_TRY(add_list(variable.kind, std::string(variable.name),
                       parts(std::string_view(entry).substr(value), variable.separator),
                       documents));
      break;  // getenv(3) finds the first
    }
  }
  return {};
}

}  // namespace

Result<std::vector<PolicyDocument>> load_command_documents(const CommandSources& sources) {
  Documents documents;
  if (!sources.operator_file.empty()) {
    SRT_TRY(add_file_if_any(sources.operator_file, PolicyAuthor::kOperator, documents));
  }
  const std::string home = sources.home.empty() ? "" : sources.home + "/" + kSettingsName;
  const std::string project = sources.project.empty() ? "" : sources.project + "/" + kSettingsName;
  if (!sources.settings_file.empty()) {
    SRT_TRY(add_file(sources.settings_file, PolicyAuthor::kUser, documents));
  } else if (!home.empty()) {
    SRT_TRY(add_file_if_any(home, PolicyAuthor::kUser, documents));
  }
  SRT_TRY(add_environment(sources.environment, documents));
  SRT_TRY(add_list(Short::kAllowDomain, "--allow-domain", sources.allow_domains, documents));
  SRT_TRY(add_list(Short::kDenyDomain, "--deny-domain", sources.deny_domains, documents));
  SRT_TRY(add_list(Short::kAllowWrite, "--allow-write", sources.allow_write, documents));
  SRT_TRY(add_list(Short::kDenyRead, "--deny-read", sources.deny_read, documents));
  // At home, and where -s names it, the project's file is the user's own.
  if (!project.empty() && project != home && project != sources.settings_file) {
    SRT_TRY(add_file_if_any(project, PolicyAuthor::kProject, documents));
  }
  return documents;
}

Result<EffectivePolicy> command_policy(const std::vector<PolicyDocument>& documents) {
  SRT_ASSIGN(EffectivePolicy policy, merge_documents(documents, PolicySubject::kCommand));
  policy.hash = sha256_hex(to_json(policy, Secrets::kHidden));
  return policy;
}

}  // namespace srt::runtime
