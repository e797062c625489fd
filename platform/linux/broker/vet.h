// Whether content may stand under the name that it is made for (judge.h, Content).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/linux/broker/judge.h"

namespace srt::platform {

struct Candidate {
  Content content;
  std::string path;  // canonical, of the name that it is for
  std::string text;
  std::string current;  // what stands there now; "" for nothing
};

inline constexpr size_t kLongestVetted = 1 << 20;  // bytes

// What is wrong with it, for a violation's rule; nullopt: nothing.
std::optional<std::string> objection(const Candidate& candidate, const Judge& judge,
                                     const Facts& facts);

}  // namespace srt::platform
