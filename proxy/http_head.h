// What a request head of HTTP/1 asks for, and whether two parties could read it in two ways
// (smuggling). Pure; over what Beast parsed, plus checks on the raw head, fuzzed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/decision.h"
#include "proxy/host.h"

namespace srt::proxy {

// More is no request and no answer of anybody: each field costs many times its own bytes as long as it is held,
// and thousands of heads may be held at once. Envoy and Apache take 100.
inline constexpr size_t kMostFields = 256;

using HeaderFields = std::vector<std::pair<std::string, std::string>>;  // in order, names as sent

// Before any parser: the raw head up to and with the empty line. Bare CR, bare LF, NUL, obs-fold, space
// before a colon, control bytes in the target: a reason; empty: none of it.
std::string head_defect(std::string_view raw);

struct RequestTarget {
  Destination destination;
  std::string origin_form;  // what goes upstream: "/path?query"; empty for CONNECT
  bool connect = false;
};
enum class RequestFault {
  kNone,
  kBadTarget,  // 400: not absolute-form, authority-form or (transparent) origin-form; userinfo; https:// in the clear
  kBadHost,    // 400: malformed host
  kMissingHost,    // 400: HTTP/1.1 without Host, or without any (transparent)
  kDuplicateHost,  // 400
  kHostMismatch,   // 421: Host disagrees with the target
  kAmbiguousLength,  // 400: Content-Length with Transfer-Encoding, two lengths, a coding other than chunked
  kUpgradeH2c,  // the Upgrade: h2c must be dropped (not a fault; see hop_by_hop)
};
struct RequestCheck {
  RequestFault fault = RequestFault::kNone;
  std::string detail;
  RequestTarget target;
};
// `implied`: the destination that the connection already has (transparent, inside CONNECT or SOCKS): then
// origin-form is expected and Host must agree with it where it is a name. Where it is an address and Host a
// name, `destination` has the name with the connection's port: it is to be decided, too, before a byte goes
// on. Empty: a proxy request.
RequestCheck check_request(std::string_view method, std::string_view target, unsigned version,
                           const HeaderFields& fields, const std::optional<Destination>& implied);

// Names (lower case) that must not be forwarded: Connection and what it lists, Keep-Alive, Proxy-*, TE,
// Trailer, Upgrade (kept when `websocket`). RFC 9110 §7.6.1. Transfer-Encoding is the serialiser's.
std::vector<std::string> hop_by_hop(const HeaderFields& fields, bool websocket);
bool asks_for_websocket(const HeaderFields& fields);

}  // namespace srt::proxy
