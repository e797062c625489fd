// A filter as text, to be read and compared: one instruction a line, its bytes first.
//
//   0004  15 00 03 00000101  if (a == 0x101) else goto 0008
//
// Only what seccomp_bpf.h and libseccomp write; another instruction shows as its bytes.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

namespace srt::platform {

std::string seccomp_listing(const std::vector<sock_filter>& filter);

}  // namespace srt::platform
