// The answers that the guard itself gives to HTTP clients: prompt, and legible for whoever sees
// only the client's output. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proxy/decision.h"
#include "proxy/dialer.h"
#include "proxy/http_head.h"

namespace srt::proxy {

struct HttpAnswer {
  unsigned status = 500;
  std::string phrase;  // of the status line; what curl shows for a refused CONNECT
  std::string error;   // X-Proxy-Error; empty: none
  std::string body;
  bool wants_token = false;  // 407: how it is to be sent
};

// With the whole message framed; `with_body` is false for HEAD.
std::string print_answer(const HttpAnswer& answer, bool close, bool with_body);

HttpAnswer denial(const Destination& destination, const Verdict& verdict);
HttpAnswer denial(const Destination& destination, const DialFailure& address_denied);
HttpAnswer opaque_tunnel(const Destination& destination);  // refuseOpaqueTunnels
HttpAnswer too_many_tunnels();                             // tlsTerminate.maxTunnels
HttpAnswer no_tls(std::string_view why);                   // towards the destination
HttpAnswer unreachable(const Destination& destination, const DialFailure& failure);
HttpAnswer fault(RequestFault fault, std::string_view detail);
HttpAnswer token_missing();
HttpAnswer plain_answer(unsigned status, std::string_view text);

}  // namespace srt::proxy
