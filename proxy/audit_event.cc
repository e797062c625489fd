#include "proxy/audit_event.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace srt::proxy {
namespace {

// Six texts of kMaxText and the rest stay below 4096. A host is up to 253, a path of an origin longer.
constexpr size_t kMaxText = 480, kMaxShort = 64;

constexpr char kHex[] = "0123456789abcdef";

// Only printable ASCII stays as it is: a log line is read on terminals, and by programs that disagree
// about UTF-8, line separators (U+2028) and NUL. Any other byte is \u00XX. `limit` bounds what is
// printed; a cut text ends in "...".
std::string quoted(std::string_view text, size_t limit) {
  std::string out;
  for (unsigned char c : text) {
    std::string piece;
    if (c == '"' || c == '\\') {
      piece = {'\\', static_cast<char>(c)};
    } else if (c >= 0x20 && c < 0x7f) {
      piece = {static_cast<char>(c)};
    } else {
      piece = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
    }
    if (out.size() + piece.size() > limit) return '"' + out + "...\"";
    out += piece;
  }
  return '"' + out + '"';
}

std::string rfc3339(int64_t time_us) {
  int64_t seconds = time_us / 1'000'000;
  int64_t rest = time_us % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  // Years of four digits, 0000 to 9999, are what RFC 3339 can say.
  const std::time_t clock = std::clamp<int64_t>(seconds, -62'135'596'800, 253'402'300'799);
  std::tm parts{};
  gmtime_r(&clock, &parts);
  char text[96];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(rest));
  return text;
}

class Line {
 public:
  void text(const char* key, std::string_view value, size_t limit) {
    if (!value.empty()) raw(key, quoted(value, limit));
  }
  void number(const char* key, int64_t value) { raw(key, std::to_string(value)); }
  void number(const char* key, uint64_t value) { raw(key, std::to_string(value)); }
  void null(const char* key) { raw(key, "null"); }
  void yes(const char* key) { raw(key, "true"); }
  std::string done() && { return std::move(out_) + "}\n"; }

 private:
  void raw(const char* key, const std::string& value) {
    out_ += out_.empty() ? "{\"" : ",\"";
    out_ += key;
    out_ += "\":";
    out_ += value;
  }
  std::string out_;
};

}  // namespace

const char* to_string(Way way) {
  switch (way) {
    case Way::kHttp: return "http";
    case Way::kConnect: return "connect";
    case Way::kSocks: return "socks";
    case Way::kTransparent: return "transparent";
    case Way::kDns: return "dns";
  }
  return "";
}

const char* to_string(EventKind kind) {
  switch (kind) {
    case EventKind::kAllowed: return "allowed";
    case EventKind::kDenied: return "denied";
    case EventKind::kFailed: return "failed";
    case EventKind::kEnded: return "ended";
    case EventKind::kCut: return "cut";
    case EventKind::kPolicy: return "policy";
  }
  return "";
}

std::string to_json_line(const AuditEvent& event, const std::string& container) {
  Line line;
  line.text("time", rfc3339(event.time_us), kMaxShort);
  line.text("container", container, kMaxText);
  line.text("event", to_string(event.kind), kMaxShort);
  if (event.kind != EventKind::kPolicy) line.text("way", to_string(event.way), kMaxShort);
  if (event.connection != 0) line.number("connection", event.connection);
  line.text("host", event.host, kMaxText);
  if (event.port != 0) line.number("port", uint64_t{event.port});
  line.text("rule", event.rule, kMaxText);
  line.text("origin", event.origin, kMaxText);
  line.text("reason", event.reason, kMaxText);
  if (event.address) line.text("address", event.address->to_text(), kMaxShort);
  line.text("sni", event.sni, kMaxText);
  if (event.without_sni) line.null("sni");
  if (event.ech) line.yes("ech");
  if (event.terminated) line.text("scheme", "https", kMaxShort);
  if (event.terminated) line.yes("terminated");
  line.text("method", event.method, kMaxShort);
  if (event.kind == EventKind::kEnded || event.kind == EventKind::kCut) {
    line.number("bytesUp", event.bytes_up);
    line.number("bytesDown", event.bytes_down);
    line.number("durationUs", event.duration_us);
  }
  return std::move(line).done();
}

}  // namespace srt::proxy
