// A destination as the authority of RFC 3986 §3.2: v6 addresses in brackets.
#pragma once

#include <string>

#include "proxy/decision.h"

namespace srt::proxy {

std::string authority(const Destination& destination);  // "example.com:443", "[::1]:80"
// Without the port that the scheme has by itself: 80, or 443. A signature may cover it as clients write it.
std::string host_header(const Destination& destination, uint16_t default_port);

}  // namespace srt::proxy
