#include "platform/linux/broker/vet.h"

#include <algorithm>
#include <vector>

#include "platform/linux/broker/git_config.h"

namespace srt::platform {
namespace {

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// `path` seen from `folder`, without "." and "..": nullopt above the root.
std::optional<std::string> lexically(const std::string& folder, std::string_view path) {
  std::vector<std::string_view> parts;
  if (!path.starts_with('/')) parts = components(folder);
  for (std::string_view part : components(path)) {
    if (part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  std::string absolute;
  for (std::string_view part : parts) absolute.append("/").append(part);
  return absolute.empty() ? "/" : absolute;
}

// A link on the way could be made to lead elsewhere afterwards.
bool has_link(const std::string& path, const Facts& facts) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const FileKind kind = facts.kind(path.substr(0, slash));
    if (kind == FileKind::kSymlink) return true;
    if (kind == FileKind::kNone || slash == std::string::npos) return false;
  }
}

// core.worktree of a submodule: within the repository that it belongs to, which holds its git
// directory below `.git`.
bool is_own_worktree(const GitConfigEntry& entry, const Candidate& candidate) {
  if (entry.section != "core" || !entry.subsection.empty() || entry.key != "worktree") return false;
  const size_t modules = candidate.path.find("/.git/modules/");
  if (modules == std::string::npos || entry.value.starts_with('/')) return false;
  const std::optional<std::string> leads = lexically(folder_of(candidate.path), entry.value);
  const std::string repository = candidate.path.substr(0, modules) + "/";
  if (!leads || !leads->starts_with(repository)) return false;
  const PathComponents inside = components(std::string_view(*leads).substr(repository.size()));
  return std::none_of(inside.begin(), inside.end(),
                      [](std::string_view part) { return fold_name(part) == ".git"; });
}

std::optional<std::string> config_objection(const Candidate& candidate) {
  const auto entries = parse_git_config(candidate.text);
  if (!entries) return candidate.path + ": is not a plain git configuration";
  auto suspects = [&](const std::vector<GitConfigEntry>& all) {
    std::vector<GitConfigEntry> some;
    for (const GitConfigEntry& entry : all) {
      if (!is_harmless_in_config(entry) && !is_own_worktree(entry, candidate)) {
        some.push_back(entry);
      }
    }
    return some;
  };
  const std::vector<GitConfigEntry> found = suspects(*entries);
  if (found.empty()) return std::nullopt;
  // What the user had put there may stay, all of it and in its order: an entry can undo another.
  const auto before = parse_git_config(candidate.current);
  if (before && suspects(*before) == found) return std::nullopt;
  return "git configuration " + to_string(found.front());
}

std::optional<std::string> modules_objection(const Candidate& candidate) {
  const auto entries = parse_git_config(candidate.text);
  if (!entries) return candidate.path + ": is not a plain git configuration";
  for (const GitConfigEntry& entry : *entries) {
    if (!is_harmless_in_gitmodules(entry)) return ".gitmodules " + to_string(entry);
  }
  return std::nullopt;
}

// One line, its newline perhaps, and nothing that a terminal or another line could hide.
std::optional<std::string_view> single_line(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
  }
  return text;
}

std::optional<std::string> link_objection(const Candidate& candidate, const Judge& judge,
                                          const Facts& facts) {
  constexpr std::string_view kPrefix = "gitdir: ";
  const std::string refused = ".git that leads elsewhere";
  const std::optional<std::string_view> line = single_line(candidate.text);
  if (!line || !line->starts_with(kPrefix)) return refused;
  const auto target = lexically(folder_of(candidate.path), line->substr(kPrefix.size()));
  if (!target || has_link(*target, facts)) return refused;
  return judge.is_git_directory(*target) ? std::nullopt : std::optional(refused);
}

std::optional<std::string> pointer_objection(const Candidate& candidate) {
  const std::optional<std::string_view> line = single_line(candidate.text);
  const bool common = candidate.path.ends_with("/commondir");
  const bool plain = line && (common ? *line == "../.." : line->ends_with("/.git"));
  return plain ? std::nullopt : std::optional<std::string>(candidate.path + ": leads elsewhere");
}

}  // namespace

std::optional<std::string> objection(const Candidate& candidate, const Judge& judge,
                                     const Facts& facts) {
  if (candidate.text.size() > kLongestVetted) return candidate.path + ": is too long";
  switch (candidate.content) {
    case Content::kGitConfig: return config_objection(candidate);
    case Content::kGitModules: return modules_objection(candidate);
    case Content::kGitLink: return link_objection(candidate, judge, facts);
    case Content::kGitPointer: return pointer_objection(candidate);
  }
  return "unknown";
}

}  // namespace srt::platform
