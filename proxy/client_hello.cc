#include "proxy/client_hello.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "proxy/host.h"
#include "proxy/http_token.h"

namespace srt::proxy {
namespace {

constexpr char kHandshake = 22;  // record type, RFC 8446 §5.1
constexpr size_t kMaxRecord = 1 << 14;
constexpr uint8_t kClientHello = 1;
constexpr uint16_t kServerName = 0;
constexpr uint16_t kEch = 0xfe0d;   // RFC 9849
constexpr uint16_t kEsni = 0xffce;  // its first draft

// Bytes with a length before them; a read beyond the end breaks it for good.
struct Reader {
  std::string_view bytes;
  bool broken = false;

  std::string_view take(size_t size) {
    if (size > bytes.size()) broken = true;
    if (broken) return {};
    const std::string_view taken = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return taken;
  }
  size_t number(size_t size) {
    size_t value = 0;
    for (char c : take(size)) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }
  Reader vector(size_t length_size) {
    const size_t size = number(length_size);
    Reader inner{take(size)};
    inner.broken = broken;
    return inner;
  }
};

// RFC 6066 §3: one host_name, in ASCII. A list of two could be read as either.
std::optional<std::string> server_name(Reader extension) {
  Reader list = extension.vector(2);
  const bool host_name = list.number(1) == 0;
  const Reader name = list.vector(2);
  if (extension.broken || list.broken || !host_name) return std::nullopt;
  if (!extension.bytes.empty() || !list.bytes.empty()) return std::nullopt;
  const auto ascii = [](unsigned char c) { return c < 0x80; };
  if (!std::all_of(name.bytes.begin(), name.bytes.end(), ascii)) return std::nullopt;
  if (!canonical_host(name.bytes)) return std::nullopt;
  return std::string(name.bytes);
}

// RFC 8446 §4.1.2.
Peeked read_client_hello(std::string_view body) {
  Peeked malformed{FirstBytes::kMalformed, std::nullopt, false};
  Reader hello{body};
  hello.take(2 + 32);  // legacy_version, random
  const Reader session = hello.vector(1);
  const Reader ciphers = hello.vector(2);
  const Reader compressions = hello.vector(1);
  if (hello.broken || session.bytes.size() > 32 || ciphers.bytes.size() % 2 != 0 ||
      ciphers.bytes.empty() || compressions.bytes.empty())
    return malformed;
  Peeked peeked{FirstBytes::kTls, std::nullopt, false};
  if (hello.bytes.empty()) return peeked;  // TLS 1.2 without extensions

  Reader extensions = hello.vector(2);
  if (hello.broken || !hello.bytes.empty()) return malformed;
  std::vector<size_t> types;
  while (!extensions.bytes.empty()) {
    types.push_back(extensions.number(2));
    const Reader extension = extensions.vector(2);
    if (extensions.broken) return malformed;
    if (types.back() == kEch || types.back() == kEsni) peeked.ech = true;
    if (types.back() != kServerName) continue;
    peeked.sni = server_name(extension);
    if (!peeked.sni) return malformed;
  }
  // §4.2: "There MUST NOT be more than one extension of the same type." Which of two names would the
  // server take?
  std::sort(types.begin(), types.end());
  if (std::adjacent_find(types.begin(), types.end()) != types.end()) return malformed;
  return peeked;
}

Peeked peek_tls(std::string_view bytes) {
  Peeked malformed{FirstBytes::kMalformed, std::nullopt, false};
  Peeked need_more{bytes.size() < kMaxFirstBytes ? FirstBytes::kNeedMore : FirstBytes::kMalformed,
                   std::nullopt, false};
  std::string message;  // the fragments of the records, joined
  Reader records{bytes};
  while (!records.bytes.empty()) {
    if (records.bytes[0] != kHandshake) return malformed;
    if (records.bytes.size() > 1 && records.bytes[1] != 3) return malformed;
    if (records.bytes.size() < 5) return need_more;
    records.take(3);
    const size_t size = records.number(2);
    if (size == 0 || size > kMaxRecord) return malformed;  // §5.1: no empty handshake fragments
    message += records.take(std::min(size, records.bytes.size()));
    if (message.empty()) break;
    if (static_cast<uint8_t>(message[0]) != kClientHello) return malformed;
    if (message.size() < 4) continue;
    Reader handshake{message};
    handshake.take(1);
    const size_t length = handshake.number(3);
    if (length > kMaxFirstBytes) return malformed;
    if (handshake.bytes.size() >= length) return read_client_hello(handshake.take(length));
  }
  return need_more;
}

bool is_well_known_method(std::string_view method) {
  constexpr std::string_view kMethods[] = {
      "GET",   "HEAD", "POST", "PUT",   "DELETE",   "OPTIONS",   "TRACE",  "CONNECT",
      "PATCH", "COPY", "MOVE", "MKCOL", "PROPFIND", "PROPPATCH", "REPORT", "SEARCH"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

// In any case: Apache takes "http/1.1", unless it is told to be strict.
bool names_http(std::string_view line) {
  constexpr std::string_view kName = "HTTP/";
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 0x20 : a) == b; };
  return std::search(line.begin(), line.end(), kName.begin(), kName.end(), same) != line.end();
}

// What servers are known to take for a request, not what RFC 9112 allows: a head that is only almost
// HTTP must not pass as opaque. head_defect() refuses it later.
FirstBytes peek_text(std::string_view bytes) {
  constexpr size_t kMaxMethod = 32;
  const FirstBytes need_more =
      bytes.size() < kMaxFirstBytes ? FirstBytes::kNeedMore : FirstBytes::kOther;
  // RFC 9112 §2.2: empty lines are skipped; and what a server skips that splits a line at all that Unicode calls
  // blank, as Python's does.
  constexpr std::string_view kBlank = " \t\v\f\x1c\x1d\x1e\x1f\x85\xa0";
  const auto skipped = [&](char c) {
    return c == '\r' || c == '\n' || kBlank.find(c) != kBlank.npos;
  };
  const size_t start =
      static_cast<size_t>(std::find_if_not(bytes.begin(), bytes.end(), skipped) - bytes.begin());
  if (start == bytes.size()) return need_more;
  bytes.remove_prefix(start);
  const size_t method = static_cast<size_t>(
      std::find_if_not(bytes.begin(), bytes.end(), is_token_character) - bytes.begin());
  if (method == 0 || method > kMaxMethod) return FirstBytes::kOther;
  if (method == bytes.size()) return need_more;
  if (kBlank.find(bytes[method]) == kBlank.npos) return FirstBytes::kOther;
  if (is_well_known_method(bytes.substr(0, method))) return FirstBytes::kHttp;

  // "EHLO example.com" or "MYMETHOD / HTTP/1.1": the end of the line tells, or a byte that no line has.
  const auto ends_line = [](unsigned char c) {
    return c < '\t' || c == '\n' || (c > '\r' && c < ' ');
  };
  const auto end = std::find_if(bytes.begin(), bytes.end(), ends_line);
  const std::string_view line = bytes.substr(0, static_cast<size_t>(end - bytes.begin()));
  if (names_http(line)) return FirstBytes::kHttp;
  return line.size() < bytes.size() ? FirstBytes::kOther : need_more;
}

}  // namespace

Peeked peek(std::string_view bytes) {
  const auto only = [](FirstBytes what) { return Peeked{what, std::nullopt, false}; };
  bytes = bytes.substr(0, kMaxFirstBytes);  // a verdict does not depend on how much came at once
  if (bytes.empty()) return only(FirstBytes::kNeedMore);
  if (bytes[0] == kHandshake) {
    if (bytes.size() == 1) return only(FirstBytes::kNeedMore);
    return bytes[1] == 3 ? peek_tls(bytes) : only(FirstBytes::kOther);
  }
  // The longest prefix that still tells two of these apart is short: no harm in waiting for it.
  constexpr std::pair<std::string_view, FirstBytes> kPrefaces[] = {
      {"SSH-2.0-", FirstBytes::kSsh},
      {"SSH-1.99-", FirstBytes::kSsh},
      {"PRI * HTTP/2.0", FirstBytes::kHttp2},
  };
  for (const auto& [preface, what] : kPrefaces) {
    if (bytes.starts_with(preface)) return only(what);
    if (preface.starts_with(bytes)) return only(FirstBytes::kNeedMore);
  }
  return only(peek_text(bytes));
}

}  // namespace srt::proxy
