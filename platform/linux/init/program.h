// Which file execve will run, looked up early so that 126 and 127 are known at create.
#pragma once

#include "platform/linux/init/plan.h"

namespace srt::init {

// The path of args[0] inside the container's root, by PATH of the process' environment where it has
// no slash. Dies with the words that engines look for:
//   exec: "NAME": executable file not found in $PATH          (127)
//   exec: "PATH": stat PATH: no such file or directory        (127)
//   exec: "PATH": permission denied                           (126)
// The result lives as long as the process.
const char* find_program(const Process<Viewed>& process);

}  // namespace srt::init
