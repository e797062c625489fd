// Loading filters that the runtime compiled.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <string_view>

#include "platform/linux/init/plan.h"

namespace srt::init {

// Loads the container's filter; with SCMP_ACT_NOTIFY its listener goes to `agent` (a connected unix
// socket) together with `state`, the container process state. Last thing but execve, or, without
// no_new_privs, last thing before capabilities go.
//
// A child of ours sends the listener. What becomes of it then:
enum class Sender {
  kAwaited,    // a filter of the runtime's own, which lets us wait
  kReaped,     // by the small pid 1 that the program is a child of
  kForgotten,  // a filter that may trap even the wait; its end sends no signal
};
void load_seccomp(const Seccomp<Viewed>& seccomp, int agent, std::string_view state, Sender sender);

// As seccomp(2) answers.
int install_filter(const sock_filter* filter, size_t count, unsigned flags);

// CVE-2017-5226: keeps TIOCSTI and TIOCLINUX from typing into the caller's terminal, and what locks others out of it
// from outlasting the program. Needs no_new_privs or CAP_SYS_ADMIN.
void guard_terminal();

// Under an egress policy: only socket families that the network namespace scopes. AF_VSOCK and its like
// reach the hypervisor or other machines past every route and rule; io_uring makes sockets without the
// system call. As with guard_terminal(), needs no_new_privs or CAP_SYS_ADMIN.
void guard_sockets();

}  // namespace srt::init
