#include "platform/linux/broker/judge.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace srt::platform {
namespace {

Verdict allow() { return {}; }
Verdict refuse(std::string_view rule) {
  return {Verdict::Kind::kRefuse, Content::kGitConfig, std::string(rule), false};
}
Verdict vet(Content content, std::string_view rule) {
  return {Verdict::Kind::kVet, content, std::string(rule), false};
}

Verdict stricter(Verdict a, Verdict b) {
  const bool note = a.note || b.note;
  Verdict verdict = b.kind > a.kind ? std::move(b) : std::move(a);
  verdict.note = note;
  return verdict;
}

bool is_at_or_below(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

Content content_of(Protection protection) {
  switch (protection) {
    case Protection::kGitModules: return Content::kGitModules;
    case Protection::kGitLink: return Content::kGitLink;
    case Protection::kGitPointer: return Content::kGitPointer;
    case Protection::kCode:
    case Protection::kEditor:
    case Protection::kGitConfig: return Content::kGitConfig;
  }
  return Content::kGitConfig;
}

constexpr std::string_view kBareRule = "a directory that becomes a bare repository";
constexpr std::string_view kNodeModules = "node_modules";

}  // namespace

Result<Judge> Judge::make(const BrokerRules& rules) {
  Judge judge;
  auto add = [&](const std::string& text, PathPattern::Reading reading,
                 const std::string& rule) -> Result<void> {
    std::optional<PathPattern> pattern = PathPattern::parse(text, reading);
    if (!pattern) return fail("broker rule " + rule, "has too many components");
    judge.denied_.push_back({*std::move(pattern), Protection::kCode, rule});
    return {};
  };
  for (const std::string& text : rules.denied) {
    const std::optional<std::vector<std::string>> patterns = spread(text);
    if (!patterns) return fail("broker rule " + text, "has too many \"**\" beside other text");
    for (const std::string& one : *patterns) SRT_TRY(add(one, PathPattern::Reading::kGlob, text));
  }
  for (const std::string& text : rules.denied_exact) {
    SRT_TRY(add(text, PathPattern::Reading::kLiteral, text));
  }
  for (const std::string& text : rules.settings_files) {
    SRT_TRY(add(text, PathPattern::Reading::kLiteral, text));
  }
  for (const std::string& text : rules.hidden) {
    SRT_TRY(add(text, PathPattern::Reading::kLiteral, text));
    judge.denied_.back().below = false;
  }
  for (std::string root : rules.write_roots) {
    // A root that no path is found to be in would protect nothing.
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
    if (!root.starts_with('/') || root.find("//") != root.npos) {
      return fail("broker write root " + root, "is not an absolute path");
    }
    judge.write_roots_.push_back(std::move(root));
  }
  judge.opened_ = rules.opened;
  judge.aliases_ = rules.aliases;
  if (!rules.protect_names) return judge;
  for (const ProtectedName& name : kProtectedNames) {
    if (rules.allow_git_config && name.protection == Protection::kGitConfig) continue;
    judge.names_.push_back({*PathPattern::parse(name.pattern), name.protection,
                            std::string(name.pattern.substr(std::string_view("**/").size())),
                            name.guards_links});
  }
  return judge;
}

bool Judge::in_write_root(std::string_view path) const {
  return std::any_of(write_roots_.begin(), write_roots_.end(),
                     [&](const std::string& root) { return is_at_or_below(path, root); });
}

Verdict Judge::denied(Act act, const Question& question) const {
  for (const Rule& rule : denied_) {
    const PathPattern::Match match = rule.pattern.match(question.exact);
    const bool meant = rule.below || (match.at == question.exact.size() && !changes_content(act));
    if (match.complete && meant) return refuse(rule.text);
    // A link in the place of a folder on the way would lead the denied path elsewhere.
    if (act == Act::kMakeSymlink && match.named != 0) return refuse(rule.text);
  }
  return allow();
}

// One that existed when the run began, or was moved into a tree that this run made: only what this run
// made itself may be removed again.
Verdict Judge::by_rule(const Rule& rule, size_t at, Act act, const Question& question) const {
  switch (rule.protection) {
    case Protection::kCode:
      return removes(act) && question.made_here(at - 1) ? allow() : refuse(rule.text);
    case Protection::kEditor: return editor(rule, at, act, question);
    case Protection::kGitConfig:
    case Protection::kGitModules:
    case Protection::kGitLink:
    case Protection::kGitPointer: return git_file(rule, at, act, question);
  }
  return refuse(rule.text);
}

Verdict Judge::editor(const Rule& rule, size_t at, Act act, const Question& question) const {
  const auto depth = static_cast<size_t>(1 + std::count(rule.text.begin(), rule.text.end(), '/'));
  const size_t home = at - depth;  // components of the folder that the pattern begins in
  if (question.made_here(home)) return allow();
  const auto above = question.folded.begin() + static_cast<ptrdiff_t>(home);
  const bool in_modules = std::find(question.folded.begin(), above, kNodeModules) != above;
  // Packages bring such names, and go with them.
  if (in_modules && removes(act)) return allow();
  const std::string entry = question.first(at), folder = question.first(home);
  if (question.exists(entry)) {
    return question.facts->made_here(entry) ? allow() : refuse(rule.text);
  }
  Verdict made;
  made.note = true;
  if (in_modules) return made;
  if (std::find(write_roots_.begin(), write_roots_.end(), folder) != write_roots_.end()) {
    return refuse(rule.text);
  }
  const std::string repository = folder + "/.git";
  const bool existed = question.exists(repository) && !question.facts->made_here(repository);
  return existed ? refuse(rule.text) : made;
}

Verdict Judge::git_file(const Rule& rule, size_t at, Act act, const Question& question) const {
  const bool link = rule.protection == Protection::kGitLink;
  if (at != question.exact.size()) return link ? allow() : refuse(rule.text);
  const FileKind kind = question.facts->kind(question.path);
  switch (act) {
    case Act::kMakeFolder: return link ? allow() : refuse(rule.text);
    case Act::kMakeFile:
      // open(2) with O_CREAT of one that is there is writing.
      if (kind != FileKind::kNone) return git_file(rule, at, Act::kWrite, question);
      return vet(content_of(rule.protection), rule.text);
    case Act::kMoveHere: return vet(content_of(rule.protection), rule.text);
    case Act::kRemove:
    case Act::kMoveAway: {
      const bool harmless = rule.protection == Protection::kGitModules ||
                            (link && kind == FileKind::kFolder) || question.made_here(at - 1);
      return harmless ? allow() : refuse(rule.text);
    }
    case Act::kWrite:
      return question.facts->made_here(question.path) ? vet(content_of(rule.protection), rule.text)
                                                      : refuse(rule.text);
    case Act::kTryMode:
      if (rule.protection == Protection::kGitConfig) return allow();
      return git_file(rule, at, Act::kAttributes, question);
    case Act::kAttributes: {
      // Content that was looked at stays what it is.
      const bool own = question.facts->made_here(question.path);
      return own || (link && kind == FileKind::kFolder) ? allow() : refuse(rule.text);
    }
    case Act::kMakeSymlink:
    case Act::kMakeOther:
    case Act::kMakeLink:
    case Act::kLinkFrom: return refuse(rule.text);
  }
  return refuse(rule.text);
}

Verdict Judge::protected_by_name(Act act, const Question& question) const {
  Verdict verdict;
  for (const Rule& rule : names_) {
    const PathPattern::Match match = rule.pattern.match(question.folded);
    if (match.complete) {
      verdict = stricter(verdict, by_rule(rule, match.at, act, question));
    } else if (match.named != 0 && rule.guards_links) {
      // `.git`, `.claude`: what is inside may be protected, so this is no link to elsewhere, and one
      // that was is not taken away to be made anew.
      const bool relinked = removes(act) && !question.made_here(question.exact.size() - 1) &&
                            question.facts->kind(question.path) == FileKind::kSymlink;
      if (act == Act::kMakeSymlink || act == Act::kMakeLink || relinked) {
        verdict = stricter(verdict, refuse(rule.text));
      }
    }
    if (verdict.kind == Verdict::Kind::kRefuse) break;
  }
  return verdict;
}

// Whether `config` and `hooks` in there are protected by their names already.
bool Judge::is_known_git_dir(const Question& question, size_t count) const {
  PathComponents hooks(question.folded.begin(),
                       question.folded.begin() + static_cast<ptrdiff_t>(count));
  hooks.push_back("hooks");
  return std::any_of(names_.begin(), names_.end(), [&](const Rule& rule) {
    return rule.protection == Protection::kCode && rule.pattern.match(hooks).complete;
  });
}

bool Judge::is_git_directory(const std::string& path) const {
  PathComponents hooks = components(path);
  const std::vector<std::string> folded = [&] {
    std::vector<std::string> names;
    for (std::string_view name : hooks) names.push_back(fold_name(name));
    return names;
  }();
  hooks.assign(folded.begin(), folded.end());
  hooks.push_back("hooks");
  return in_write_root(path) && std::any_of(names_.begin(), names_.end(), [&](const Rule& rule) {
           return rule.protection == Protection::kCode && rule.pattern.match(hooks).complete;
         });
}

// git takes any directory with HEAD, objects and refs for a repository, and runs what its config and
// hooks say, when somebody steps into it; with a commondir file it takes those of another place.
Verdict Judge::bare_repository(Act act, const Question& question) const {
  const auto& names = question.folded;
  auto has = [&](size_t count, const char* name) {
    return question.exists(question.first(count) + "/" + name);
  };
  auto is_repository = [&](size_t count) {
    return has(count, "HEAD") && has(count, "objects") && has(count, "refs");
  };
  for (size_t i = 1; i + 1 < names.size(); ++i) {
    if (names[i] == "hooks" && is_repository(i) && !is_known_git_dir(question, i)) {
      return refuse(kBareRule);
    }
  }
  const size_t home = names.size() - 1;
  const std::string_view name = names.back();
  const bool core = name == "head" || name == "objects" || name == "refs";
  if (!core && name != "config" && name != "hooks" && name != "commondir") return allow();
  if (removes(act) && (core || question.made_here(home))) return allow();
  if (core && (question.exists(question.path) || act == Act::kLinkFrom)) return allow();
  if (is_known_git_dir(question, home)) return allow();
  if (name == "commondir") return has(home, "HEAD") ? refuse(kBareRule) : allow();
  if (!core) return is_repository(home) ? refuse(kBareRule) : allow();
  if (name == "head" && has(home, "commondir")) return refuse(kBareRule);
  const bool complete = (name == "head" || has(home, "HEAD")) &&
                        (name == "objects" || has(home, "objects")) &&
                        (name == "refs" || has(home, "refs"));
  return complete && (has(home, "config") || has(home, "hooks")) ? refuse(kBareRule) : allow();
}

Verdict Judge::deed(Act act, const std::string& path, const Facts& facts) const {
  Verdict verdict = spelled(act, path, facts);
  for (const PathAlias& alias : aliases_) {
    if (verdict.kind == Verdict::Kind::kRefuse) break;
    if (!is_at_or_below(path, alias.target)) continue;
    verdict = stricter(verdict, spelled(act, alias.name + path.substr(alias.target.size()), facts));
  }
  return verdict;
}

Verdict Judge::spelled(Act act, const std::string& path, const Facts& facts) const {
  const Question question(path, facts);
  if (question.exact.empty()) return allow();
  Verdict verdict = denied(act, question);
  if (verdict.kind == Verdict::Kind::kAllow && !names_.empty() && in_write_root(question.path)) {
    const bool opened = std::any_of(opened_.begin(), opened_.end(), [&](const std::string& open) {
      return is_at_or_below(question.path, open) &&
             std::any_of(names_.begin(), names_.end(), [&](const Rule& rule) {
               return rule.pattern.match(components(open)).complete;
             });
    });
    if (!opened) {
      if (question.dotted) verdict = protected_by_name(act, question);
      verdict = stricter(verdict, bare_repository(act, question));
    }
  }
  if (verdict.kind == Verdict::Kind::kAllow) return verdict;
  // The kernel's own answer, EEXIST or ENOENT, tells programs more than EPERM.
  const bool exists = facts.kind(path) != FileKind::kNone;
  if (makes(act) && act != Act::kMakeFile && exists) return allow();
  const bool needs_one = removes(act) || act == Act::kLinkFrom || act == Act::kWrite;
  if (needs_one && !exists) return allow();
  return verdict;
}

// Protected names that a folder has in it and takes along, to where they are protected or from there.
Verdict Judge::carried_along(const Move& move, const Question& from, const Question& to) const {
  std::vector<std::string> names;
  bool listed = false;
  auto carries = [&](const Rule& rule, const PathComponents& a, const PathComponents& b,
                     bool folded) {
    const PathPattern::Match source = rule.pattern.match(a), target = rule.pattern.match(b);
    if (source.complete || target.complete) return false;  // judged by its own name
    // What both have in common through a `**` moves within the pattern; a name is one's own.
    const uint64_t states = (source.states ^ target.states) | source.named | target.named;
    if (states == 0) return false;
    if (!listed) names = from.facts->names_in(move.from);
    listed = true;
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return rule.pattern.continues(states, folded ? fold_name(name) : name);
    });
  };
  for (const Rule& rule : denied_) {
    if (carries(rule, from.exact, to.exact, false)) return refuse(rule.text);
  }
  if (!from.dotted && !to.dotted) return allow();
  if (!in_write_root(from.path) && !in_write_root(to.path)) return allow();
  for (const Rule& rule : names_) {
    if (!carries(rule, from.folded, to.folded, true)) continue;
    const bool own = rule.protection == Protection::kEditor &&
                     from.made_here(from.exact.size() - 1) && to.made_here(to.exact.size() - 1);
    if (!own) return refuse(rule.text);
  }
  return allow();
}

Verdict Judge::move(const Move& move, const Facts& facts) const {
  Verdict verdict = deed(Act::kMoveAway, move.from, facts);
  if (verdict.kind == Verdict::Kind::kRefuse) return verdict;
  // A link, or a device, is at its new place what it would have been if made there.
  switch (move.kind) {
    case FileKind::kNone: return allow();
    case FileKind::kRegular: return deed(Act::kMoveHere, move.to, facts);
    case FileKind::kSymlink:
    case FileKind::kOther: {
      const Question to(move.to, facts);
      Verdict here = deed(Act::kMoveHere, move.to, facts);
      if (here.kind == Verdict::Kind::kVet) return refuse(here.rule);
      if (here.kind == Verdict::Kind::kRefuse || !in_write_root(move.to)) return here;
      return move.kind == FileKind::kSymlink && to.dotted ? protected_by_name(Act::kMakeSymlink, to)
                                                          : here;
    }
    case FileKind::kFolder: break;
  }
  const Question from(move.from, facts), to(move.to, facts);
  Verdict here = deed(Act::kMoveHere, move.to, facts);
  if (here.kind == Verdict::Kind::kVet) {
    // A folder has no content to look at: as `.git` it is judged by what it carries.
    const bool git_folder = here.content == Content::kGitLink;
    here = git_folder ? allow() : refuse(here.rule);
  }
  if (here.kind == Verdict::Kind::kRefuse) return here;
  return carried_along(move, from, to);
}

}  // namespace srt::platform
