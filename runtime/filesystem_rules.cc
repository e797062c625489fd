#include "runtime/filesystem_rules.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "runtime/resolved_path.h"

namespace srt::runtime {
namespace {

bool opens(PathList list) {
  switch (list) {
    case PathList::kAllowRead:
    case PathList::kAllowWrite: return true;
    case PathList::kDenyRead:
    case PathList::kDenyWrite: return false;
  }
  return false;
}

// "~name", "~name/x": what a shell takes for a user's home.
bool names_a_user(std::string_view path) {
  const auto letter = [](char c) { return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); };
  const std::string_view name = path.substr(0, path.find('/'));
  return name.size() > 1 && name[0] == '~' && letter(name[1]) &&
         std::all_of(name.begin() + 1, name.end(), [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

std::string rule_text(const PathRule& rule) {
  return std::string(name_of(rule.list)) + " " + oci::in_quotes(rule.written) + " (" +
         oci::printable(rule.origin, 200) + ")";
}

class Resolution {
 public:
  Resolution(const std::string& cwd, const std::string& home, PathLookup lookup) : lookup_(lookup) {
    rules_.cwd = place_of(cwd).path;
    rules_.home = home;
  }

  void add(const WrittenLayer& written) {
    FilesystemLayer& layer = rules_.layers.emplace_back();
    layer.origin = written.origin;
    layer.limits_writes = written.limits_writes;
    layer.narrows_only = written.narrows_only;
    for (const WrittenRule& rule : written.rules) add(layer, rule);
  }

  Result<FilesystemRules> finish() && {
    distrust_links();
    if (!found_.empty()) return fail(found_);
    return std::move(rules_);
  }

 private:
  void problem(const WrittenRule& written, const std::string& why) {
    found_.add(std::string(), oci::printable(written.origin, 200) + ": " + name_of(written.list) +
                                  " " + oci::in_quotes(written.entry.path) + ": " + why);
  }

  // "~" and "~/x". "~$a.docx" is a file in the working directory, and so is "~name": but who denies that means
  // another user's home, which such a rule would not protect.
  std::optional<std::string> expanded(const WrittenRule& written, const std::string& path) {
    if (path != "~" && !path.starts_with("~/")) {
      if (!opens(written.list) && names_a_user(path) && !written.entry.literal) {
        problem(written,
                "only \"~/\" is expanded, not another user's home: write that in full, or " +
                    oci::in_quotes("./" + path));
        return {};
      }
      return path.starts_with('/') ? path : join_path(rules_.cwd, path);
    }
    if (rules_.home.empty() || rules_.home[0] != '/') {
      problem(written, "there is no home folder ($HOME is not set to an absolute path)");
      return {};
    }
    return rules_.home + path.substr(1);
  }

  void add(FilesystemLayer& layer, const WrittenRule& written) {
    std::string path = written.entry.path;
    if (path.size() >= PATH_MAX || path.find('\0') != std::string::npos) {
      return problem(written, "is not a path");
    }
    // "**" alone is the working directory, as "./**" is.
    if (!written.entry.literal && path == "**") path = ".";
    if (!written.entry.literal && path.ends_with("/**")) {
      path.resize(path.size() - 3);
      if (path.empty()) path = "/";
    }
    const std::optional<std::string> absolute = expanded(written, path);
    if (!absolute) return;
    const bool pattern = !written.entry.literal && looks_like_glob(path);
    PathRule rule{
        written.list,  {}, {}, {}, {}, false, false, written.entry.literal, written.entry.path,
        written.origin};
    if (pattern) add_patterns(layer, written, rule, *absolute);
    set_place(rule, *absolute);
    // Read both ways: a file may be called "[id].tsx".
    if (!pattern || rule.exists) layer.rules.push_back(std::move(rule));
  }

  // As it is written, and once more below each folder that exists and only looks like a pattern:
  // "[WIP] project/**/.env" is also what "**/.env" matches in "[WIP] project".
  void add_patterns(FilesystemLayer& layer, const WrittenRule& written, const PathRule& rule,
                    const std::string& absolute) {
    // The home folder's and the working directory's own names are no patterns.
    size_t fixed = 0;
    if (written.entry.path.starts_with("~/")) fixed = rules_.home.size();
    if (!written.entry.path.starts_with('/') && fixed == 0) fixed = rules_.cwd.size();
    for (size_t special; (special = absolute.find_first_of("*?[", fixed)) != std::string::npos;) {
      add_pattern(layer, written, rule, absolute, special);
      fixed = std::min(absolute.find('/', special), absolute.size());
      struct stat status {};
      if (lookup_ == PathLookup::kSpelled || lstat(absolute.substr(0, fixed).c_str(), &status) != 0)
        return;
      // A link with such a name may have been planted: it opens nothing.
      if (S_ISLNK(status.st_mode) ? opens(rule.list) : !S_ISDIR(status.st_mode)) return;
    }
  }

  ResolvedPath place_of(const std::string& absolute) const {
    switch (lookup_) {
      case PathLookup::kFollowed: return resolve_path(absolute);
      case PathLookup::kSpelled: break;
    }
    return {spelled_path("/", absolute), false, false, {}};
  }

  void set_place(PathRule& rule, const std::string& absolute) const {
    ResolvedPath place = place_of(absolute);
    rule.path = std::move(place.path);
    rule.exists = place.exists;
    rule.is_directory = place.is_directory;
    rule.links = std::move(place.links);
    rule.spelled = spelled_path("/", absolute);
  }

  // `special` is where the pattern begins.
  void add_pattern(FilesystemLayer& layer, const WrittenRule& written, PathRule rule,
                   const std::string& absolute, size_t special) {
    const size_t slash = absolute.rfind('/', special);
    std::string rest;
    // "a//b" and "a/./b" are "a/b"; what ".." behind a "*" means cannot be said.
    for (size_t at = slash + 1; at <= absolute.size();) {
      const size_t end = std::min(absolute.find('/', at), absolute.size());
      const std::string name = absolute.substr(at, end - at);
      if (name == "..") return problem(written, "\"..\" cannot stand behind a pattern");
      if (!name.empty() && name != ".") rest += (rest.empty() ? "" : "/") + name;
      at = end + 1;
    }
    set_place(rule, slash == 0 ? "/" : absolute.substr(0, slash));
    rule.pattern.emplace(rule.path, rest);
    rule.spelled = join_path(rule.spelled, rest);
    layer.rules.push_back(std::move(rule));
  }

  // Whether a rule that is not `but` lets the sandbox write at `place`, and does not cover `target` too.
  bool was_writable(const std::string& place, const PathRule& but) const {
    for (const FilesystemLayer& layer : rules_.layers) {
      for (const PathRule& rule : layer.rules) {
        if (&rule == &but || rule.list != PathList::kAllowWrite) continue;
        if (rule.covered(place) > 0 && rule.covered(but.path) == 0) return true;
      }
    }
    return false;
  }

  // Whether another rule, which no link leads astray, lets the sandbox write there too.
  bool is_open_anyway(const PathRule& but) const {
    for (const FilesystemLayer& layer : rules_.layers) {
      for (const PathRule& rule : layer.rules) {
        if (&rule != &but && rule.list == but.list && rule.links.empty() &&
            rule.covered(but.path) > 0) {
          return true;
        }
      }
    }
    return false;
  }

  // A link that this command, or an earlier one under other rules, left in a folder that it could write
  // would open whatever it likes the next time. To write, the npm package follows none either.
  void distrust_links() {
    for (FilesystemLayer& layer : rules_.layers) {
      for (PathRule& rule : layer.rules) {
        if (!opens(rule.list)) continue;
        const auto planted =
            std::find_if(rule.links.begin(), rule.links.end(), [&](const std::string& link) {
              return was_writable(link, rule) || (rule.list == PathList::kAllowWrite &&
                                                  !is_systems_link(link) && !is_open_anyway(rule));
            });
        if (planted == rule.links.end()) continue;
        rules_.notes.push_back(rule_text(rule) + ": " + oci::printable(*planted, 200) +
                               " is a symbolic link that a command may have made, and leads to " +
                               oci::printable(rule.path, 200) +
                               ", which is not opened: name that place itself");
        rule.path = rule.spelled = *planted;
        rule.exists = rule.is_directory = false;
        rule.pattern.reset();
        rule.links.clear();
      }
    }
  }

  const PathLookup lookup_;
  FilesystemRules rules_;
  oci::Diagnostics found_{"filesystem"};
};

struct Verdict {
  bool allowed = true;
  const PathRule* rule = nullptr;
};

Verdict may_read(const FilesystemLayer& layer, std::string_view path) {
  Verdict verdict;
  size_t longest = 0;
  for (const PathRule& rule : layer.rules) {
    if (rule.list == PathList::kDenyWrite) continue;
    const size_t covered = rule.covered(path);
    const bool denies = rule.list == PathList::kDenyRead;
    if (covered > longest || (covered == longest && covered > 0 && denies)) {
      longest = covered;
      verdict = {!denies, &rule};
    }
  }
  return verdict;
}

Verdict may_write(const FilesystemLayer& layer, std::string_view path) {
  Verdict verdict{!layer.limits_writes, nullptr};
  size_t longest = 0;
  for (const PathRule& rule : layer.rules) {
    const size_t covered = rule.covered(path);
    if (rule.list == PathList::kDenyWrite) {
      const bool link = std::find(rule.links.begin(), rule.links.end(), path) != rule.links.end();
      if (covered > 0 || link) return {false, &rule};
    } else if (rule.list == PathList::kAllowWrite && covered > longest) {
      longest = covered;
      verdict = {true, &rule};
    }
  }
  return verdict;
}

}  // namespace

const char* name_of(PathList list) {
  switch (list) {
    case PathList::kDenyRead: return "denyRead";
    case PathList::kAllowRead: return "allowRead";
    case PathList::kAllowWrite: return "allowWrite";
    case PathList::kDenyWrite: return "denyWrite";
  }
  return "";
}

size_t PathRule::covered(std::string_view target) const {
  if (pattern) return pattern->covered(target);
  return is_within(target, path) ? path.size() : 0;
}

Access FilesystemRules::access(std::string_view path) const {
  Access access;
  if (disabled) return {true, true, nullptr, nullptr};
  access.write = !layers.empty();
  for (const FilesystemLayer& layer : layers) {
    const Verdict read = may_read(layer, path);
    if (access.read && (!read.allowed || read.rule != nullptr)) {
      access.read = read.allowed;
      access.read_rule = read.rule;
    }
    const Verdict write = may_write(layer, path);
    if (!access.write) continue;
    access.write = write.allowed;
    // A layer that only denies has no rule for what it leaves alone.
    if (!write.allowed || write.rule != nullptr) access.write_rule = write.rule;
  }
  if (!access.read && access.write) {
    access.write = false;
    access.write_rule = access.read_rule;
  }
  return access;
}

std::vector<std::string> FilesystemRules::widenings(size_t ceilings) const {
  std::vector<std::string> found;
  for (size_t i = 0; i < std::min(ceilings, layers.size()); ++i) {
    const FilesystemLayer& ceiling = layers[i];
    for (size_t j = ceilings; j < layers.size(); ++j) {
      if (layers[j].narrows_only) continue;
      for (const PathRule& rule : layers[j].rules) {
        if (!opens(rule.list)) continue;
        const Verdict read = may_read(ceiling, rule.path);
        const Verdict write =
            rule.list == PathList::kAllowWrite ? may_write(ceiling, rule.path) : Verdict{};
        if (read.allowed && write.allowed) continue;
        const PathRule* against = read.allowed ? write.rule : read.rule;
        found.push_back(rule_text(rule) +
                        (against != nullptr
                             ? " is refused by " + rule_text(*against)
                             : " is not within what " + oci::printable(ceiling.origin, 200) +
                                   " lets be written"));
      }
    }
  }
  return found;
}

Result<FilesystemRules> filesystem_rules(const std::vector<WrittenLayer>& layers,
                                         const std::string& cwd, const std::string& home,
                                         PathLookup lookup) {
  Resolution resolution(cwd, home, lookup);
  for (const WrittenLayer& layer : layers) resolution.add(layer);
  return std::move(resolution).finish();
}

}  // namespace srt::runtime
