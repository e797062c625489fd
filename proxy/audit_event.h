// One verdict, or the end of one connection, as one line of NDJSON. docs/egress.md is the schema.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/ip_address.h"

namespace srt::proxy {

enum class Way { kHttp, kConnect, kSocks, kTransparent, kDns };
enum class EventKind {
  kAllowed,  // before the answer is sent
  kDenied,   // before the answer is sent
  kFailed,   // allowed, but the destination could not be reached
  kEnded,    // an allowed connection has ended: bytes and duration
  kCut,      // ended because a changed policy denies it
  kPolicy,   // the rules were replaced
};
const char* to_string(Way way);
const char* to_string(EventKind kind);

struct AuditEvent {
  int64_t time_us = 0;      // since the epoch
  uint64_t connection = 0;  // the same number in all events of one connection; 0: none
  Way way = Way::kHttp;
  EventKind kind = EventKind::kDenied;
  std::string
      host;  // canonical, or what was sent if it is malformed (bounded, escaped when printed)
  uint16_t port = 0;
  std::string rule, origin, reason;  // reason codes: docs/egress.md ("sni-mismatch", "no-rule", …)
  std::optional<Endpoint> address;   // that was dialled
  std::string sni;
  bool without_sni = false;               // a ClientHello that has none: printed as null
  bool ech = false;                       // a ClientHello with an encrypted one inside, or GREASE
  bool terminated = false;                // TLS that the guard has opened: scheme "https"
  std::string method;                     // HTTP requests
  uint64_t bytes_up = 0, bytes_down = 0;  // kEnded, kCut
  int64_t duration_us = 0;                // kEnded, kCut
};

// One line with its newline, at most 4096 bytes; hostile bytes are escaped, long texts are cut.
// {"time":"2026-01-02T03:04:05.678901Z","container":"id","event":"denied","way":"dns",…}
std::string to_json_line(const AuditEvent& event, const std::string& container);

}  // namespace srt::proxy
