// Files that others read while we write them: a new one is written beside and renamed over, so that
// a reader, and a kill -9, finds the old or the new one and never half of it.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "oci/error.h"

namespace srt::runtime {

// `path` is relative to `dir` (AT_FDCWD: the working directory); `mode` is subject to the umask.
Result<void> replace_file_at(int dir, const std::string& path, std::string_view text, mode_t mode);

}  // namespace srt::runtime
