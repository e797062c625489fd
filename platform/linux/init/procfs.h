// A procfs of our own, for the few files in it that have no system call.
#pragma once

namespace srt::init {

// A detached, private instance for our pid namespace, checked to be procfs: no path through the
// container's /proc is ever trusted (CVE-2019-16884, CVE-2025-52881). -1 with errno where the kernel
// refuses one. The result is remembered.
int private_procfs();

}  // namespace srt::init
