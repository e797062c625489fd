#include "proxy/access_token.h"

#include <algorithm>
#include <utility>

#include "proxy/base64.h"

namespace srt::proxy {
namespace {

// The length of a token is no secret.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

bool equal_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x | 0x20) : x) == y;
  });
}

}  // namespace

AccessToken::AccessToken(std::string secret) : secret_(std::move(secret)) {
  basic_ = base64(std::string(kTokenUser) + ":" + secret_);
}

bool AccessToken::opens_basic(const HeaderFields& fields) const {
  constexpr std::string_view kScheme = "basic ";
  const std::string* given = nullptr;
  for (const auto& [name, value] : fields) {
    if (!equal_ignoring_case(name, "proxy-authorization")) continue;
    if (given != nullptr) return false;
    given = &value;
  }
  if (given == nullptr) return false;
  std::string_view credentials = *given;
  if (!equal_ignoring_case(credentials.substr(0, kScheme.size()), kScheme)) return false;
  credentials.remove_prefix(kScheme.size());
  credentials.remove_prefix(std::min(credentials.find_first_not_of(' '), credentials.size()));
  return equal_in_constant_time(credentials, basic_);
}

bool AccessToken::opens(std::string_view user, std::string_view password) const {
  return user == kTokenUser && equal_in_constant_time(password, secret_);
}

}  // namespace srt::proxy
