// From srt-init to the user's program: everything about the process that is not its surroundings.
#pragma once

#include <string_view>

#include "platform/linux/init/plan.h"

namespace srt::init {

// A new session keyring, so that the program cannot read the caller's keys.
void leave_keyring(const Process<Viewed>& process);

// Ids that the user namespace does not map end it here, while create can still say so.
void check_ids(const Process<Viewed>& process);

// stdin, stdout and stderr belong to the user from here on, as with runc; /dev/null is left alone.
void give_stdio_to_user(const Process<Viewed>& process);

// envp, with HOME from the container's own /etc/passwd where the bundle set none.
const char** make_environment(const Process<Viewed>& process);

// Scheduling, limits, labels, filter, ids, capabilities, working directory, startContainer hooks; then
// execve(program). The order is the security argument; it stands in become.cc, one step a line.
[[noreturn]] void become_program(const Process<Viewed>& process, const char* program,
                                 const char* const* environment, int seccomp_agent,
                                 std::string_view seccomp_state,
                                 const ListView<Hook<Viewed>>& start_hooks,
                                 std::string_view hook_state);

}  // namespace srt::init
