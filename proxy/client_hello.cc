#include "proxy/client_hello.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "proxy/host.h"
#include "proxy/http_token.h"

namespace srt::proxy {
namespace {

constexpr char kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22;  // record types, RFC 8446 §5.1
constexpr size_t kMaxRecord = 1 << 14;
constexpr uint8_t kClientHello = 1, kServerHello = 2;
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
    const size_t announced = message.size() + size;
    message += records.take(std::min(size, records.bytes.size()));
    if (message.empty()) break;
    if (static_cast<uint8_t>(message[0]) != kClientHello) return malformed;
    if (message.size() < 4) continue;
    Reader handshake{message};
    handshake.take(1);
    const size_t length = handshake.number(3);
    if (length > kMaxFirstBytes) return malformed;
    // A second message in the same record would be a second hello, sent ahead.
    if (announced > 4 + length) return malformed;
    if (handshake.bytes.size() < length) continue;
    Peeked peeked = read_client_hello(handshake.bytes);
    if (peeked.what == FirstBytes::kTls) peeked.size = bytes.size() - records.bytes.size();
    return peeked;
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

// "EHLO example.com", "MYMETHOD / HTTP/1.1", an ssh banner: the end of the line tells. A NUL ends it, too: git's
// client sends one, and no newline. Other control bytes do not: nginx up to 1.21 has them in a target.
FirstBytes peek_line(std::string_view bytes, FirstBytes without_http) {
  const std::string_view line = bytes.substr(0, bytes.find_first_of(std::string_view("\n\0", 2)));
  if (names_http(line)) return FirstBytes::kHttp;
  return line.size() < bytes.size() ? without_http : FirstBytes::kNeedMore;
}

// What a server skips or splits at that does so at all that Unicode calls blank, as Python's does.
constexpr std::string_view kBlank = " \t\v\f\r\x1c\x1d\x1e\x1f\x85\xa0";

// RFC 9112 §2.2: empty lines are skipped.
size_t blank_at_start(std::string_view bytes) {
  const auto skipped = [](char c) { return c == '\n' || kBlank.find(c) != kBlank.npos; };
  return static_cast<size_t>(std::find_if_not(bytes.begin(), bytes.end(), skipped) - bytes.begin());
}

// What servers are known to take for a request, not what RFC 9112 allows: a head that is only almost
// HTTP must not pass as opaque. head_defect() refuses it later. A method may be of any length: nginx and Go
// have no limit of their own.
FirstBytes peek_text(std::string_view bytes) {
  bytes.remove_prefix(blank_at_start(bytes));
  if (bytes.empty()) return FirstBytes::kNeedMore;
  const size_t method = static_cast<size_t>(
      std::find_if_not(bytes.begin(), bytes.end(), is_token_character) - bytes.begin());
  if (method == 0) return FirstBytes::kOther;
  if (method == bytes.size()) return FirstBytes::kNeedMore;
  if (kBlank.find(bytes[method]) == kBlank.npos) return FirstBytes::kOther;
  // NATS: 'CONNECT {"verbose":false,…}'. No server of HTTP connects to that, unless the line says that it is HTTP.
  const bool connect = bytes.starts_with("CONNECT ");
  if (connect && method + 1 == bytes.size()) return FirstBytes::kNeedMore;
  const bool document = connect && bytes[method + 1] == '{';
  if (!document && is_well_known_method(bytes.substr(0, method))) return FirstBytes::kHttp;
  return peek_line(bytes, FirstBytes::kOther);
}

// Both prefaces are request lines as well, for a server that knows HTTP/1 alone ("SSH-2.0- / HTTP/1.1"): they
// count when they are whole.
FirstBytes peek_preface_or_text(std::string_view bytes) {
  constexpr std::string_view kHttp2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 §3.4
  if (bytes.starts_with(kHttp2)) return FirstBytes::kHttp2;
  if (kHttp2.starts_with(bytes)) return FirstBytes::kNeedMore;
  for (std::string_view ssh : {"SSH-2.0-", "SSH-1.99-"}) {  // RFC 4253 §4.2, §5.1
    if (bytes.starts_with(ssh)) return peek_line(bytes, FirstBytes::kSsh);
    if (ssh.starts_with(bytes)) return FirstBytes::kNeedMore;
  }
  return peek_text(bytes);
}

// What no client begins with, and what servers take all the same: a warning or a change_cipher_spec before the
// ClientHello (Go, rustls and GnuTLS go on after an alert), or a ClientHello in a record of another version (Go:
// any below 0x1000). The server name in what follows would pass unseen.
FirstBytes peek_odd_tls(std::string_view bytes) {
  constexpr size_t kHeader = 5;
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const size_t alert_or_change = at(0) == kAlert ? 2 : 1;  // how long each of them is
  if (bytes.size() > 1 && at(1) >= 0x10) return FirstBytes::kOther;
  if (bytes.size() < kHeader) return FirstBytes::kNeedMore;
  const size_t length = size_t{at(3)} << 8 | at(4);
  if (at(0) != kHandshake) {
    return length == alert_or_change ? FirstBytes::kMalformed : FirstBytes::kOther;
  }
  if (length == 0 || length > kMaxRecord) return FirstBytes::kOther;
  if (bytes.size() == kHeader) return FirstBytes::kNeedMore;
  return at(kHeader) == kClientHello ? FirstBytes::kMalformed : FirstBytes::kOther;
}

}  // namespace

bool is_open_word(std::string_view bytes) {
  bytes.remove_prefix(blank_at_start(bytes));
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), is_token_character);
}

void shorten_word(std::string& bytes) {
  constexpr size_t kEnough = 64;  // longer than every method and preface that is known
  // Something before it stays: behind that there is no preface of HTTP/2 or ssh, but a request.
  if (const size_t blank = blank_at_start(bytes)) bytes.replace(0, blank, "\n");
  if (bytes.size() > kEnough) bytes.resize(kEnough);
}

Peeked peek(std::string_view bytes) {
  bytes = bytes.substr(0, kMaxFirstBytes);  // a verdict does not depend on how much came at once
  if (bytes.size() > 1 && bytes[0] == kHandshake && bytes[1] == 3) return peek_tls(bytes);
  FirstBytes what = FirstBytes::kNeedMore;
  if (!bytes.empty()) {
    const bool record =
        bytes[0] == kHandshake || bytes[0] == kAlert || bytes[0] == kChangeCipherSpec;
    what = record ? peek_odd_tls(bytes) : peek_preface_or_text(bytes);
  }
  // Whoever lets a first line, or the empty ones before it, grow without an end would get by unjudged: nginx skips
  // any number of empty lines.
  if (what == FirstBytes::kNeedMore && bytes.size() == kMaxFirstBytes) what = FirstBytes::kTooLong;
  return Peeked{what, std::nullopt, false};
}

ServerAnswer peek_answer(std::string_view bytes) {
  // SHA-256 of "HelloRetryRequest", in the place of the ServerHello's random: RFC 8446 §4.1.3.
  constexpr std::string_view kAgain{
      "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
      "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c",
      32};
  constexpr size_t kRandomAt = 1 + 3 + 2;  // type, length, legacy_version
  std::string message;                     // the fragments of the records, joined
  Reader records{bytes};
  while (!records.bytes.empty()) {
    if (records.bytes[0] != kHandshake) return ServerAnswer::kOther;
    if (records.bytes.size() < 5) return ServerAnswer::kNeedMore;
    records.take(3);
    const size_t size = records.number(2);
    if (size == 0) return ServerAnswer::kOther;
    message += records.take(std::min(size, records.bytes.size()));
    if (!message.empty() && static_cast<uint8_t>(message[0]) != kServerHello) {
      return ServerAnswer::kOther;
    }
    if (message.size() < kRandomAt + kAgain.size()) continue;
    return message.compare(kRandomAt, kAgain.size(), kAgain) == 0 ? ServerAnswer::kAsksAgain
                                                                  : ServerAnswer::kOther;
  }
  return ServerAnswer::kNeedMore;
}

}  // namespace srt::proxy
