// Base64 with padding (RFC 4648 §4), as Basic authentication has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace srt::proxy {

std::string base64(std::string_view bytes);
// Nothing for a text that base64() does not make: other characters, padding that is wrong or missing.
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace srt::proxy
