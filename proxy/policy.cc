#include "proxy/policy.h"

namespace srt::proxy {

std::string folded_header(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (c == '_' || c == '.') c = '-';
  }
  return folded;
}

}  // namespace srt::proxy
