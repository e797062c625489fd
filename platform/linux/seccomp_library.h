// A profile compiled by libseccomp: for what seccomp_table.h leaves to it, and to compare with.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "oci/error.h"
#include "platform/linux/seccomp_table.h"

namespace srt::platform {

Result<std::vector<sock_filter>> compile_with_libseccomp(const SeccompProfile& profile);

}  // namespace srt::platform
