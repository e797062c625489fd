// Base64 with padding (RFC 4648 §4), as Basic authentication has it.
#pragma once

#include <string>
#include <string_view>

namespace srt::proxy {

std::string base64(std::string_view bytes);

}  // namespace srt::proxy
