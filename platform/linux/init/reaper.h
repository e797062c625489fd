// A pid 1 that is not the program: reaps orphans, passes signals on, ends as the program did.
//
// The kernel ignores signals to a pid 1 that has no handler for them, so a command that knows nothing of
// being one could not be interrupted.
#pragma once

namespace srt::init {

// Returns in a child, which goes on to be the program. The caller stays as pid 1 and ends with the
// child's exit status, or 128 plus the signal that ended it; with it ends everything in the namespace.
void fork_program();

}  // namespace srt::init
