// The names that are protected by default (platform/protected_names.h), as filters of paths.
//
// Linux has a broker that looks at what is written and where a folder comes from. Here a path is all that
// can be judged, so the whole name is refused:
//   - a folder named .git, .claude, … is neither made nor moved: another one, filled elsewhere, could be
//     renamed to it. `git init` and `git clone` work outside the sandbox, or with allowGitConfig
//   - what a repository is made of: without a file HEAD no other folder becomes one
#pragma once

#include <string>
#include <vector>

#include "platform/darwin/profile.h"

namespace srt::platform::darwin {

struct ProtectedFilters {
  Filter covered;  // never written, made, moved or removed
  Filter kept;     // on the way to those: written in, but not made, moved or removed
  Filter not_made;
  Filter not_removed;
};

// `opened`: absolute paths that the user opens by name. A path that is no protected one opens nothing.
ProtectedFilters protected_filters(bool allow_git_config, const std::vector<std::string>& opened);

}  // namespace srt::platform::darwin
