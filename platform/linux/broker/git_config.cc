#include "platform/linux/broker/git_config.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "platform/path_pattern.h"
#include "platform/protected_names.h"

namespace srt::platform {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_name(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

// One line at a time: nothing in what is accepted goes over the end of a line.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) { skip_blanks(); }

  bool at_end() const { return rest_.empty() || rest_[0] == '#' || rest_[0] == ';'; }
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string name() {
    std::string name;
    while (!rest_.empty() && is_name(rest_[0])) {
      name += lower(rest_[0]);
      rest_.remove_prefix(1);
    }
    return name;
  }
  // Behind the opening quote, up to the closing one.
  std::optional<std::string> quoted() {
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (rest_.empty()) return std::nullopt;
      text += rest_[0];
      rest_.remove_prefix(1);
    }
    return std::nullopt;
  }
  std::optional<std::string> value() {
    std::string text;
    size_t kept = 0;  // without blanks that end the value
    bool in_quotes = false;
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      const char c = rest_[0];
      if (!in_quotes && (c == '#' || c == ';')) break;
      if (c == '"') {
        in_quotes = !in_quotes;
        kept = text.size();
        continue;
      }
      if (c != '\\') {
        text += c;
      } else if (std::optional<char> escaped = escape()) {
        text += *escaped;
      } else {
        return std::nullopt;
      }
      if (in_quotes || !is_blank(text.back())) kept = text.size();
    }
    if (in_quotes) return std::nullopt;
    text.resize(kept);
    return text;
  }

 private:
  std::optional<char> escape() {
    rest_.remove_prefix(1);
    if (rest_.empty()) return std::nullopt;  // a continued line
    switch (rest_[0]) {
      case '"': return '"';
      case '\\': return '\\';
      case 'n': return '\n';
      case 't': return '\t';
      case 'b': return '\b';
      default: return std::nullopt;
    }
  }
  std::string_view rest_;
};

bool read_section(Line& line, GitConfigEntry& at) {
  at = {};
  at.section = line.name();
  if (at.section.empty()) return false;
  if (line.take(']')) return true;
  line.skip_blanks();
  if (!line.take('"')) return false;
  std::optional<std::string> subsection = line.quoted();
  if (!subsection || !line.take(']')) return false;
  at.subsection = *std::move(subsection);
  return true;
}

bool read_entry(Line& line, GitConfigEntry& at) {
  at.key = line.name();
  if (at.key.empty() || !is_letter(at.key[0])) return false;
  line.skip_blanks();
  at.value = "true";
  if (line.at_end()) return true;
  if (!line.take('=')) return false;
  line.skip_blanks();
  std::optional<std::string> value = line.value();
  if (value) at.value = *value;
  return value.has_value();
}

struct AllowedKey {
  std::string_view section;
  bool subsection;  // has one
  std::string_view key;
  bool (*check)(std::string_view value) = nullptr;
};

bool is_update_mode(std::string_view value) {  // "!command" is the other one
  return value == "checkout" || value == "rebase" || value == "merge" || value == "none";
}

// core.worktree of a submodule is not among them: vet.cc looks where it leads.
constexpr AllowedKey kConfigKeys[] = {
    {"core", false, "repositoryformatversion"},
    {"core", false, "filemode"},
    {"core", false, "bare"},
    {"core", false, "logallrefupdates"},
    {"core", false, "ignorecase"},
    {"core", false, "precomposeunicode"},
    {"core", false, "symlinks"},
    {"core", false, "autocrlf"},
    {"core", false, "safecrlf"},
    {"core", false, "eol"},
    {"core", false, "abbrev"},
    {"core", false, "quotepath"},
    {"core", false, "compression"},
    {"core", false, "sparsecheckout"},
    {"core", false, "sparsecheckoutcone"},
    {"core", false, "untrackedcache"},
    {"core", false, "preloadindex"},
    {"core", false, "checkstat"},
    {"core", false, "trustctime"},
    {"core", false, "whitespace"},
    {"extensions", false, "objectformat"},
    {"extensions", false, "partialclone"},
    {"extensions", false, "refstorage"},
    {"extensions", false, "worktreeconfig"},
    {"remote", true, "url", is_plain_git_url},
    {"remote", true, "pushurl", is_plain_git_url},
    {"remote", true, "fetch"},
    {"remote", true, "push"},
    {"remote", true, "tagopt"},
    {"remote", true, "mirror"},
    {"remote", true, "prune"},
    {"remote", true, "prunetags"},
    {"remote", true, "promisor"},
    {"remote", true, "partialclonefilter"},
    {"remote", true, "skipdefaultupdate"},
    {"remote", true, "skipfetchall"},
    {"remote", false, "pushdefault", is_plain_git_url},  // a remote's name, or an URL
    {"branch", true, "remote", is_plain_git_url},
    {"branch", true, "merge"},
    {"branch", true, "rebase"},
    {"branch", true, "pushremote", is_plain_git_url},
    {"branch", true, "description"},
    {"branch", false, "autosetupmerge"},
    {"branch", false, "autosetuprebase"},
    {"branch", false, "sort"},
    {"submodule", true, "url", is_plain_git_url},
    {"submodule", true, "active"},
    {"submodule", true, "branch"},
    {"submodule", true, "update", is_update_mode},
    {"submodule", true, "fetchrecursesubmodules"},
    {"submodule", true, "ignore"},
    {"submodule", true, "shallow"},
    {"submodule", false, "active"},
    {"submodule", false, "recurse"},
    {"submodule", false, "fetchjobs"},
    {"user", false, "name"},
    {"user", false, "email"},
    {"author", false, "name"},
    {"author", false, "email"},
    {"committer", false, "name"},
    {"committer", false, "email"},
    {"init", false, "defaultbranch"},
    {"pull", false, "rebase"},
    {"pull", false, "ff"},
    {"push", false, "default"},
    {"push", false, "autosetupremote"},
    {"push", false, "followtags"},
    {"fetch", false, "prune"},
    {"fetch", false, "recursesubmodules"},
    {"fetch", false, "parallel"},
    {"merge", false, "conflictstyle"},
    {"merge", false, "ff"},
    {"merge", false, "renames"},
    {"diff", false, "algorithm"},
    {"diff", false, "renames"},
    {"diff", false, "colormoved"},
    {"status", false, "showuntrackedfiles"},
    {"status", false, "submodulesummary"},
    {"log", false, "date"},
    {"log", false, "decorate"},
    {"rerere", false, "enabled"},
    {"gc", false, "auto"},
    {"index", false, "version"},
    {"feature", false, "manyfiles"},
    {"pack", false, "threads"},
    {"lfs", false, "repositoryformatversion"},
    {"lfs", true, "access"},
    {"color", false, "ui"},
};

constexpr AllowedKey kModulesKeys[] = {
    {"submodule", true, "path"},
    {"submodule", true, "url", is_plain_git_url},
    {"submodule", true, "branch"},
    {"submodule", true, "update", is_update_mode},
    {"submodule", true, "fetchrecursesubmodules"},
    {"submodule", true, "ignore"},
    {"submodule", true, "shallow"},
};

template <size_t N>
bool is_in(const AllowedKey (&keys)[N], const GitConfigEntry& entry) {
  for (const AllowedKey& key : keys) {
    if (key.section != entry.section || key.subsection == entry.subsection.empty()) continue;
    if (key.key != entry.key) continue;
    return key.check == nullptr || key.check(entry.value);
  }
  return false;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return code < 0x20 || code == 0x7f;
  });
}

// CVE-2018-11235: a submodule's name is a path below .git/modules.
bool stays_below(std::string_view path) {
  if (path.empty() || path.starts_with('/') || path.starts_with('-')) return false;
  const PathComponents parts = components(path);
  return std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
    return part == ".." || part == "." || fold_name(part) == ".git";
  });
}

}  // namespace

std::optional<std::vector<GitConfigEntry>> parse_git_config(std::string_view text) {
  std::vector<GitConfigEntry> entries;
  GitConfigEntry at;
  if (text.find('\0') != text.npos || text.find('\r') != text.npos) return std::nullopt;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    Line line(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.at_end()) continue;
    if (line.take('[')) {
      if (!read_section(line, at)) return std::nullopt;
      line.skip_blanks();
      if (line.at_end()) continue;
    }
    // A byte order mark ends up here too.
    if (at.section.empty() || !read_entry(line, at)) return std::nullopt;
    entries.push_back(at);
  }
  return entries;
}

std::string to_string(const GitConfigEntry& entry) {
  std::string name = entry.section + ".";
  if (!entry.subsection.empty()) name += entry.subsection + ".";
  return name + entry.key;
}

bool is_plain_git_url(std::string_view url) {
  constexpr std::array<std::string_view, 6> kSchemes = {"https", "http",    "ssh",
                                                        "git",   "git+ssh", "file"};
  if (url.empty() || url[0] == '-' || has_control(url)) return false;
  if (url.find("::") != url.npos) return false;
  std::string_view host = url;
  if (const size_t scheme = url.find("://"); scheme != url.npos) {
    if (std::find(kSchemes.begin(), kSchemes.end(), url.substr(0, scheme)) == kSchemes.end()) {
      return false;
    }
    host.remove_prefix(scheme + 3);
  }
  // CVE-2017-1000117: a host that ssh takes for an option.
  host = host.substr(0, host.find_first_of("/:"));
  if (const size_t user = host.rfind('@'); user != host.npos) {
    if (host[0] == '-') return false;
    host.remove_prefix(user + 1);
  }
  return !host.starts_with('-');
}

bool is_harmless_in_config(const GitConfigEntry& entry) {
  if (has_control(entry.value) || has_control(entry.subsection)) return false;
  if (entry.section == "submodule" && !entry.subsection.empty() && !stays_below(entry.subsection)) {
    return false;
  }
  // `advice.*` and colours are words only.
  if (entry.section == "advice" && entry.subsection.empty()) return true;
  return is_in(kConfigKeys, entry);
}

bool is_harmless_in_gitmodules(const GitConfigEntry& entry) {
  if (has_control(entry.value) || has_control(entry.subsection)) return false;
  if (!stays_below(entry.subsection)) return false;
  if (entry.key == "path" && !stays_below(entry.value)) return false;
  return is_in(kModulesKeys, entry);
}

}  // namespace srt::platform
