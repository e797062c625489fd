// SHA-256 (FIPS 180-4) of a short text: the name of a policy, not a secret's guard.
#pragma once

#include <string>
#include <string_view>

namespace srt::runtime {

// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view text);

}  // namespace srt::runtime
