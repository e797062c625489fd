// The process beside a sandbox that watches: what its rules refused goes from the system's log to a file,
// and where the sandbox must not outlive its caller, it sees to that.
#pragma once

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/platform.h"

namespace srt::platform::darwin {

struct Companion {
  Handle container;
  bool die_with_caller = false;  // SIGKILL included: macOS has no parent-death signal
  UniqueFd violations;           // NDJSON is appended there; empty: nobody wants to know
};

// Forks, and ends with the container. Without a task there is none.
Result<void> start_companion(Companion companion);

}  // namespace srt::platform::darwin
