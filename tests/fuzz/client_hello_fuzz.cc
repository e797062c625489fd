// Any bytes as the first of a tunnel: a verdict once given stays, however much follows, a name is one, and a
// request is one also if its first word went ahead.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/client_hello.h"
#include "proxy/host.h"
#include "stop.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace srt::proxy;  // NOLINT
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Peeked whole = peek(bytes);
  if (whole.sni && (whole.what != FirstBytes::kTls || !canonical_host(*whole.sni)))
    stop("a server name that is none", bytes);
  if ((whole.what == FirstBytes::kTls) != (whole.size > 0) || whole.size > size)
    stop("a hello without an end", bytes);
  const ServerAnswer answer = peek_answer(bytes);
  if (const ServerAnswer early = peek_answer(bytes.substr(0, size / 2));
      early != ServerAnswer::kNeedMore && early != answer)
    stop("an answer that changes", bytes);
  if (whole.what == FirstBytes::kNeedMore && size >= kMaxFirstBytes) stop("no end", bytes);
  for (const size_t part : {size / 2, size - size / 4, size > 0 ? size - 1 : 0}) {
    const Peeked early = peek(bytes.substr(0, part));
    if (is_open_word(bytes.substr(0, part)) && size < kMaxFirstBytes) {
      std::string word(bytes.substr(0, part));
      shorten_word(word);
      const FirstBytes after = peek(word.append(bytes.substr(part))).what;
      if (whole.what == FirstBytes::kHttp && after != whole.what)
        stop("a request that begins with a word", bytes);
    }
    if (early.what == FirstBytes::kNeedMore) continue;
    if (early.what != whole.what || early.size != whole.size || early.sni != whole.sni ||
        early.ech != whole.ech)
      stop("a verdict that changes", bytes);
  }
  return 0;
}
