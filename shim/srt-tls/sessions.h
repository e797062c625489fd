// New sessions of TLS, either side.
//
// TLS 1.2 and 1.3; http/1.1 and nothing else by ALPN; no renegotiation, no compression, no tickets, no early data.
#pragma once

#include <string>

#include "oci/error.h"
#include "shim/srt-tls/authority.h"
#include "shim/srt-tls/openssl.h"
#include "shim/srt-tls/roots.h"

namespace srt::tls {

class Sessions {
 public:
  // `authority` stays where it is.
  static Result<Sessions> make(Authority& authority, const Roots& roots);

  // Null: no memory.
  Session serve(const std::string& name);
  // The server's certificate must be good for `name`, a host name or an address.
  Session dial(const std::string& name);

 private:
  Sessions() = default;
  Authority* authority_ = nullptr;
  Context serving_, dialling_;
};

}  // namespace srt::tls
