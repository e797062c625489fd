// ENOSYS for system calls that are newer than a profile, before code that libseccomp has made.
//
// A profile that answers EPERM to whatever it does not list breaks programs on a newer libc: they
// try clone3 or faccessat2, expect ENOSYS from an old kernel and fall back; EPERM they report. So
// numbers above the highest that the profile names answer ENOSYS, before the profile is asked.
// runc does the same; the price, also the same, is that a system call numbered out of the order of
// its invention may be mistaken.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "platform/linux/seccomp_table.h"

namespace srt::platform {

// Instructions to stand before the profile's own; empty where profile.newer is.
std::vector<sock_filter> newer_calls_stub(const SeccompProfile& profile);

}  // namespace srt::platform
