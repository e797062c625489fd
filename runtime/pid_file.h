// --pid-file: where an engine reads which process it waits for.
#pragma once

#include <sys/types.h>

#include <string>

#include "oci/error.h"

namespace srt::runtime {

// Replaced as a whole; an empty path is none.
Result<void> write_pid_file(const std::string& path, pid_t pid);

}  // namespace srt::runtime
