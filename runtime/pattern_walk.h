// What patterns match on disk now.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "oci/error.h"
#include "runtime/path_pattern.h"

namespace srt::runtime {

struct PatternMatch {
  std::string
      path;  // absolute; where it is, whatever links led there; a match that is a link is itself
  std::string spelled;  // the name that was matched: other than `path` behind a link to a folder
  bool is_directory = false;
  bool is_link = false;
};

// Behind a link to a folder. A rule that closes goes on there: what it names can be read by that name. One that
// opens does not: a command may have made the link.
enum class FolderLinks { kFollowed, kPassedOver };

struct WalkBudget {
  size_t entries = 1'000'000;  // directory entries that may be looked at, over all walks
  size_t matches = 1000;       // each becomes a mount
};

// All patterns have this base. Folders that none of them can match in are not entered, nor what lies
// below a match, nor /proc, /sys and /dev, nor a second time what was searched for the same. Folders that we may not read are passed over:
// neither may the sandbox, which runs with no more than our rights. EFBIG (Error::code) where the budget
// does not suffice.
Result<std::vector<PatternMatch>> walk_patterns(const std::string& base,
                                                const std::vector<const PathPattern*>& patterns,
                                                FolderLinks links, WalkBudget& budget);

}  // namespace srt::runtime
