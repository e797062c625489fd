// A table (seccomp_table.h) as BPF: one jump on the architecture, a binary search of the number,
// and the conditions of what was found. Any other architecture is killed, as libseccomp does.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "platform/linux/seccomp_table.h"

namespace srt::platform {

std::vector<sock_filter> seccomp_bpf(const std::vector<SeccompArchTable>& tables);

}  // namespace srt::platform
