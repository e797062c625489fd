#include "proxy/http_answer.h"

#include <utility>

#include "proxy/asio.h"
#include "proxy/authority.h"

namespace srt::proxy {
namespace {

constexpr const char* kBlocked = "blocked-by-allowlist";
constexpr size_t kLongestPhrase = 200;

// A rule's text is the operator's, a host canonical; still, nothing may break out of the status
// line.
std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kLongestPhrase));
  for (char& c : line) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return line;
}

}  // namespace

std::string print_answer(const HttpAnswer& answer, bool close, bool with_body) {
  std::string text =
      "HTTP/1.1 " + std::to_string(answer.status) + " " + one_line(answer.phrase) + "\r\n";
  if (!answer.error.empty()) text += "X-Proxy-Error: " + answer.error + "\r\n";
  if (answer.wants_token) text += "Proxy-Authenticate: Basic realm=\"srt\"\r\n";
  text += "Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: " +
          std::to_string(answer.body.size()) + "\r\n";
  if (close) text += "Connection: close\r\n";
  text += "\r\n";
  if (with_body) text += answer.body;
  return text;
}

HttpAnswer denial(const Destination& destination, const Verdict& verdict) {
  const std::string where = authority(destination);
  HttpAnswer answer{403, "Blocked: " + where + ": " + verdict.reason, kBlocked, {}};
  answer.body = "The sandbox's network policy blocks " + where + ": " + verdict.reason + ".\n";
  if (verdict.rule.empty()) {
    answer.body += "No rule matches it. To allow it, add \"" + destination.host.to_text() +
                   "\" to network.allowedDomains of the sandbox's settings.\n";
  } else {
    answer.body += "Rule: \"" + verdict.rule + "\" (" + verdict.origin +
                   "). To allow it, take this rule out of network.deniedDomains.\n";
  }
  return answer;
}

HttpAnswer denial(const Destination& destination, const DialFailure& address_denied) {
  const std::string where = authority(destination);
  HttpAnswer answer{403, "Blocked: " + where + ": " + address_denied.reason, kBlocked, {}};
  answer.body = "The sandbox's network policy allows " + where +
                ", but what the name leads to may not be reached (" + address_denied.reason +
                ").\nTo allow an address, list it literally in network.allowedDomains.\n";
  return answer;
}

HttpAnswer opaque_tunnel(const Destination& destination) {
  const std::string where = authority(destination);
  HttpAnswer answer{403, "Blocked: " + where + ": tunnels are refused", kBlocked, {}};
  answer.body = "The sandbox's network policy allows " + where +
                ", but no tunnel, into which it could not see (network.refuseOpaqueTunnels).\n";
  return answer;
}

HttpAnswer too_many_tunnels() {
  return {503, "Too many tunnels", "too-many-tunnels",
          "As many TLS tunnels as network.tlsTerminate.maxTunnels allows are open.\n"};
}

HttpAnswer no_tls(std::string_view why) {
  return {502, "Bad Gateway", "upstream-tls", one_line(why) + ".\n"};
}

HttpAnswer unreachable(const Destination& destination, const DialFailure& failure) {
  using Kind = DialFailure::Kind;
  const std::string where = authority(destination);
  switch (failure.kind) {
    case Kind::kAddressDenied: return denial(destination, failure);
    case Kind::kBusy: return {503, "Busy", {}, "Too many connections to " + where + ".\n"};
    case Kind::kTimedOut: return {504, "Gateway Timeout", {}, where + " did not answer in time.\n"};
    case Kind::kNoSuchName:
    case Kind::kUnreachable:
    case Kind::kRefused:
    case Kind::kParentProxy: break;
  }
  return {502, "Bad Gateway", {}, where + " could not be reached: " + failure.reason + ".\n"};
}

HttpAnswer token_missing() {
  HttpAnswer answer{407, "Proxy Authentication Required", {}, {}};
  answer.body =
      "This is the network guard of a sandbox. Programs in it find its address and token in "
      "HTTP_PROXY.\n";
  answer.wants_token = true;
  return answer;
}

HttpAnswer fault(RequestFault fault, std::string_view detail) {
  const bool misdirected = fault == RequestFault::kHostMismatch;
  HttpAnswer answer;
  answer.status = misdirected ? 421 : 400;
  answer.phrase = misdirected ? "Misdirected Request" : "Bad Request";
  answer.body = "The request was refused: " + one_line(detail) + ".\n";
  return answer;
}

HttpAnswer plain_answer(unsigned status, std::string_view text) {
  HttpAnswer answer;
  answer.status = status;
  answer.phrase =
      std::string(boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status)));
  answer.body = std::string(text) + "\n";
  return answer;
}

}  // namespace srt::proxy
