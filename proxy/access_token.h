// The secret without which a proxy port does nothing. Needed where the port stands on a loopback that
// the sandbox shares with the host: else every program there could use the sandbox's way out, and learn
// what it may reach.
//
//   AccessToken token("k3…");                       // clients: http://srt:k3…@localhost:PORT
//   token.opens_basic(fields)                       // Proxy-Authorization (RFC 7617)
//   token.opens(password.user, password.password)   // RFC 1929
//
// Comparing takes the same time wherever the first difference is: the token cannot be guessed byte by
// byte by the clock.
#pragma once

#include <string>
#include <string_view>

#include "proxy/http_head.h"

namespace srt::proxy {

inline constexpr std::string_view kTokenUser = "srt";

class AccessToken {
 public:
  AccessToken() = default;  // none is asked for
  explicit AccessToken(std::string secret);

  bool required() const { return !secret_.empty(); }
  // Two Proxy-Authorization fields open nothing: which of them counts is a matter of taste.
  bool opens_basic(const HeaderFields& fields) const;
  bool opens(std::string_view user, std::string_view password) const;

 private:
  std::string secret_;
  std::string basic_;  // what comes behind "Basic "
};

}  // namespace srt::proxy
