// No core files from a process whose writes are judged name by name.
//
// The kernel writes a core file itself, past every rule, under the name that it likes: `core` in the
// protected folder (.git/hooks) that a crashing process stands in.
#pragma once

#include <vector>

#include "oci/spec.h"

namespace srt::runtime {

// Sets RLIMIT_CORE of `process`, whatever it said of it.
void forbid_core_files(oci::Process& process);

// For its filter: the limit stays as that was. Whoever sets another one is told that it is set, since programs with a
// secret end where they cannot set it to zero.
void keep_core_limit(std::vector<oci::SeccompSyscall>& rules);

}  // namespace srt::runtime
