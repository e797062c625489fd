// A destination as the authority of RFC 3986 §3.2: v6 addresses in brackets.
#pragma once

#include <string>

#include "proxy/decision.h"

namespace srt::proxy {

std::string authority(const Destination& destination);    // "example.com:443", "[::1]:80"
std::string host_header(const Destination& destination);  // without ":80"

}  // namespace srt::proxy
