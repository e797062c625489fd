// The ranges of ids that /etc/subuid and /etc/subgid give to a user (subuid(5)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace srt::platform {

struct SubordinateRange {
  uint32_t first = 0;
  uint32_t count = 0;
  bool operator==(const SubordinateRange&) const = default;
};

// `file` is /etc/subuid or /etc/subgid; lines may name the user by uid or by name. Both files go by
// the user's uid, whatever his gid is.
std::vector<SubordinateRange> subordinate_ranges(const std::string& file, uid_t uid);

// From /etc/passwd itself: a static program has no NSS. Empty: not there.
std::string user_name(uid_t uid);

}  // namespace srt::platform
