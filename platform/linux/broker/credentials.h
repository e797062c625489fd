// A thread of the broker does a call as its caller: with its user, group, groups and those of its
// capabilities that count for files, and with no more. Where a container has several users, or one with
// capabilities, anything else would give files to the wrong owner, or reach what the caller may not.
//
//   if (take_credentials(status, own)) …   // what follows on this thread is done as that caller
//
// The kernel keeps all of them for each thread. Only system calls that are a thread's own are used: libc's
// setgroups(3) would change the others, in the middle of their calls.
#pragma once

#include <cstdint>

#include "platform/linux/broker/caller.h"

namespace srt::platform {

// Bit n is capability n.
extern const uint64_t kFileCapabilities;    // what a caller may have and we use in its place
extern const uint64_t kChangeCapabilities;  // CAP_SETUID, CAP_SETGID: to become it

// `own`: what a thread is that has been nobody else yet. An error: the call cannot be done as its caller, and
// this thread has no capability.
OrErrno<void> take_credentials(const Caller::Status& caller, const Caller::Status& own);

}  // namespace srt::platform
