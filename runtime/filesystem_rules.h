// What of the host's tree may be read and written: the rules of all documents, resolved.
//
//   Result<FilesystemRules> rules = filesystem_rules({{user, "~/.srt-settings.json", …}}, places);
//   Access access = rules->access("/home/u/project/src/a.c");      // a resolved path
//   access.read, access.write, access.read_rule->origin
//
// Layers: what one author says. A path may be read, or written, where every layer lets it. Within one:
//   read    everything but denyRead; allowRead opens again inside it, and so does allowWrite; of the rules
//           that cover a path the one that covers most of it wins, a tie goes to denyRead
//   write   nothing but allowWrite; denyWrite always wins; what may not be read may not be written
//
// Paths are resolved once, here: relative to the working directory, "~" to the home folder, links to
// where they lead. A link that stands where the sandbox may write is not followed by a rule that opens
// something: a run before this one may have made it (`ln -s / build`, with allowWrite ["build"]).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "runtime/path_pattern.h"
#include "runtime/settings_filesystem.h"

namespace srt::runtime {

enum class PathList { kDenyRead, kAllowRead, kAllowWrite, kDenyWrite };
const char* name_of(PathList list);  // "denyRead"

struct PathRule {
  PathList list = PathList::kDenyRead;
  std::string path;                    // resolved; of a pattern its base
  std::optional<PathPattern> pattern;  // it covers what this matches, and all below
  std::string spelled;                 // absolute, links not followed
  std::vector<std::string> links;      // where the links stand that led to `path`
  bool exists = false;                 // when the rules were resolved
  bool is_directory = false;
  bool literal = false;  // {"literal": true}: opens a protected name, too
  std::string written;   // as in the document
  std::string origin;

  // How much of a resolved path is covered: 0 for nothing, else a length.
  size_t covered(std::string_view target) const;
  bool operator==(const PathRule&) const = default;
};

struct FilesystemLayer {
  std::string origin;
  bool limits_writes = true;  // false: only denies, and allowWrite is left to the other layers
  bool narrows_only = false;  // a project's
  std::vector<PathRule> rules;
  bool operator==(const FilesystemLayer&) const = default;
};

struct Access {
  bool read = true;
  bool write = false;
  const PathRule* read_rule = nullptr;   // that decided; null: nothing is said of it
  const PathRule* write_rule = nullptr;  // null: no allowWrite covers it
};

struct FilesystemRules {
  bool disabled = false;          // the user's wish: the host's tree as it is
  bool allow_git_config = false;  // .git/config may be written
  std::string cwd;                // resolved
  std::string home;
  std::vector<FilesystemLayer> layers;  // none: everything may be read, nothing written
  std::vector<std::string> notes;

  Access access(std::string_view path) const;  // of a resolved path
  // What a layer opens that an earlier one, a ceiling, does not: "allowWrite "/" (…) is wider than …".
  // Only the first `ceilings` layers bound, and only those behind them are judged.
  std::vector<std::string> widenings(size_t ceilings) const;
  bool operator==(const FilesystemRules&) const = default;
};

// What one author says, one document after the other, before it is resolved.
struct WrittenRule {
  PathList list = PathList::kDenyRead;
  PathEntry entry;
  std::string origin;
};
struct WrittenLayer {
  std::string origin;
  bool limits_writes = true;
  bool narrows_only = false;
  std::vector<WrittenRule> rules;
};

enum class PathLookup {
  kFollowed,  // links lead where they lead
  kSpelled,   // the filesystem is not looked at: it is not there yet
};

// `cwd` and `home` are absolute; without a home, "~" is an error.
Result<FilesystemRules> filesystem_rules(const std::vector<WrittenLayer>& layers,
                                         const std::string& cwd, const std::string& home,
                                         PathLookup lookup = PathLookup::kFollowed);

}  // namespace srt::runtime
