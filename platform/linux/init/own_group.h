// "My process group" is the caller's where the program keeps the caller's session (a terminal), so that the keyboard's
// signals come to all of a pipeline. In a pid namespace it has the number 0, and is reached all the same.
#pragma once

namespace srt::init {

// kill(0, …), setpriority(2) and ioprio_set(2) reach nobody outside any more: `kill -9 0` ended the script that the
// program was started by, with all that it had started. Needs no_new_privs or CAP_SYS_ADMIN; holds for all that
// descends from us.
void guard_group();

}  // namespace srt::init
