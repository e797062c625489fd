// The first bytes of a tunnel: what protocol is it, and which server name does a TLS client ask for?
// Pure, incremental over a growing buffer of hostile bytes; fuzzed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace srt::proxy {

enum class FirstBytes {
  kNeedMore,   // nothing can be said yet; read on, up to kMaxFirstBytes
  kTls,        // a whole ClientHello: `sni` is set if it has one
  kSsh,        // a line that begins with "SSH-2.0-" or "SSH-1.99-"
  kHttp,       // a request line of plain HTTP/1 (method, space)
  kHttp2,      // the whole preface of h2c
  kOther,      // opaque
  kTooLong,    // text that might become a request, and has no end: closed
  kMalformed,  // begins like TLS and is broken: closed
};
inline constexpr size_t kMaxFirstBytes = 64 * 1024;  // a ClientHello that needs more is malformed

struct Peeked {
  FirstBytes what = FirstBytes::kNeedMore;
  std::optional<std::string> sni;  // as sent; two names, or bytes that are no host name: kMalformed
  bool ech = false;  // the encrypted_client_hello extension (GREASE included) is there
  size_t size = 0;   // kTls: of the records that the hello fills; nothing else is in them
};

// Whether text is one word so far, which a request may begin with or not: as long as it goes on, no server does
// anything for it.
bool is_open_word(std::string_view bytes);
// Leaves of such a word what peek() needs to judge it with what follows.
void shorten_word(std::string& bytes);

// The ClientHello may be split over TLS records and TCP segments (RFC 8446 §5.1, RFC 6066 §3).
Peeked peek(std::string_view bytes);

// What a server says to a ClientHello.
enum class ServerAnswer {
  kNeedMore,
  kAsksAgain,  // HelloRetryRequest: the client is to send another ClientHello
  kOther,      // it goes on, or ends it
};
ServerAnswer peek_answer(std::string_view bytes);

}  // namespace srt::proxy
