#include "proxy/tunnel.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/client_hello.h"
#include "proxy/http_session.h"
#include "proxy/relay.h"
#include "proxy/socket_io.h"
#include "proxy/terminated.h"
#include "proxy/tls_tunnel.h"

namespace srt::proxy {
namespace {

enum class Ruling {
  kTunnel,
  kTls,
  kTerminated,  // TLS that is opened
  kHttp,
  kWord,  // text without a blank or an end, so far: judged while it passes
  kDenied,
  kGone
};

// A client that says "ping" waits for an answer, and one that sends a thousand x's has no method in mind.
constexpr std::chrono::milliseconds kWordPatience{200};
constexpr size_t kLongWord = 64;

constexpr uint16_t kHttpsPort = 443;
constexpr char kTlsHandshake = 0x16;
// fatal(2), access_denied(49): RFC 8446 §6.2. The client then names the reason instead of "reset".
constexpr std::string_view kTlsAccessDenied{"\x15\x03\x03\x00\x02\x02\x31", 7};

Ruling deny(Connection& connection, std::string_view reason) {
  connection.denied(reason);
  return Ruling::kDenied;
}

Ruling judge_peeked(Connection& connection, const Peeked& peeked) {
  const bool https = connection.destination().port == kHttpsPort;
  const bool opens = terminates(connection.guard->policy, connection.destination());
  const bool seen_into =
      peeked.what == FirstBytes::kHttp || (peeked.what == FirstBytes::kTls && opens);
  if (connection.guard->policy.refuse_opaque && !seen_into) {
    return deny(connection, "opaque-tunnel");
  }
  switch (peeked.what) {
    case FirstBytes::kTls:
      if (!may_ask_for(connection, peeked)) return Ruling::kDenied;
      if (!opens) return Ruling::kTls;
      // The place was taken when the tunnel was asked for, unless the rules have changed since.
      return connection.claim_tunnel() ? Ruling::kTerminated : deny(connection, "too-many-tunnels");
    case FirstBytes::kSsh: return Ruling::kTunnel;
    case FirstBytes::kHttp: return https ? deny(connection, "not-tls") : Ruling::kHttp;
    case FirstBytes::kHttp2:
    case FirstBytes::kOther: return https ? deny(connection, "not-tls") : Ruling::kTunnel;
    case FirstBytes::kTooLong: return deny(connection, https ? "not-tls" : "header-too-large");
    case FirstBytes::kNeedMore:
    case FirstBytes::kMalformed: break;
  }
  return deny(connection, "malformed-client-hello");
}

// The client has closed its half, and what it sent is no whole beginning of anything.
Ruling judge_fragment(Connection& connection) {
  const std::string& bytes = connection.from_client;
  if (connection.guard->policy.refuse_opaque) return deny(connection, "opaque-tunnel");
  if (bytes.empty()) return Ruling::kTunnel;
  if (bytes[0] == kTlsHandshake) return deny(connection, "malformed-client-hello");
  return connection.destination().port == kHttpsPort ? deny(connection, "not-tls")
                                                     : Ruling::kTunnel;
}

// What is left of the time for first bytes that have begun: it does not start again with each of them.
class Handshake {
 public:
  explicit Handshake(const Connection& connection)
      : time_(connection.holds_tunnel() ? connection.tunnel_patience()
                                        : connection.guard->options.handshake) {}
  std::chrono::milliseconds left() {
    const auto now = Clock::now();
    if (!end_) end_ = now + time_;
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(*end_ - now));
  }
  void is_over() { end_.reset(); }

 private:
  const std::chrono::milliseconds time_;
  std::optional<Clock::time_point> end_;
};

// For the first byte of all.
std::chrono::milliseconds first_patience(const Connection& connection) {
  return connection.holds_tunnel() ? connection.tunnel_patience() : connection.guard->options.idle;
}

bool may_pass_unjudged(const Connection& connection, std::string_view bytes) {
  return !connection.guard->policy.refuse_opaque && connection.destination().port != kHttpsPort &&
         is_open_word(bytes);
}

// Reads the client's first bytes until they say what they are.
Awaitable<Ruling> judge_first_bytes(Connection& connection) {
  const std::string& bytes = connection.from_client;
  Handshake handshake(connection);
  while (true) {
    const bool begun = !bytes.empty();
    const bool word = begun && may_pass_unjudged(connection, bytes);
    if (begun) {
      const Peeked peeked = peek(bytes);
      if (peeked.what != FirstBytes::kNeedMore) {
        // A word's short time is not that of the request which it has become.
        connection.expect_within(handshake.left());
        co_return judge_peeked(connection, peeked);
      }
      if (word && bytes.size() > kLongWord) co_return Ruling::kWord;
    }
    connection.expect_within(word    ? std::min(kWordPatience, handshake.left())
                             : begun ? handshake.left()
                                     : first_patience(connection));
    const auto got = co_await read_some(connection, connection.client, connection.from_client,
                                        kMaxFirstBytes - bytes.size());
    if (!got && !connection.expired()) co_return Ruling::kGone;
    if (!got && word) co_return Ruling::kWord;
    // Slow first bytes are no way around the question.
    if (!got && !begun && !connection.holds_tunnel()) co_return Ruling::kGone;
    if (!got) co_return deny(connection, "handshake-timeout");
    if (*got == 0) co_return judge_fragment(connection);
  }
}

// The same where the server may speak meanwhile. A word goes on to it as long as it is nothing but a word; what
// makes a request of it does not.
Awaitable<Ruling> judge_passing_bytes(Connection& connection) {
  const GuardOptions& options = connection.guard->options;
  Handshake handshake(connection);
  std::string seen;
  size_t held = 0;  // of from_client, and in `seen`
  while (true) {
    seen.append(connection.from_client, held);
    held = connection.from_client.size();
    if (held > 0 && may_pass_unjudged(connection, seen)) {
      if (co_await pump(connection, Direction::kUp, held) != PumpEnd::kDone) {
        co_return Ruling::kGone;
      }
      shorten_word(seen);
      held = 0;
      handshake.is_over();
    }
    if (held > 0) {
      const Peeked peeked = peek(seen);
      if (peeked.what != FirstBytes::kNeedMore) co_return judge_peeked(connection, peeked);
    }
    connection.expect_within(held > 0 ? handshake.left() : options.idle);
    const auto got = co_await read_some(connection, connection.client, connection.from_client,
                                        kMaxFirstBytes - held);
    if (!got) {
      if (held > 0 && connection.expired()) co_return deny(connection, "handshake-timeout");
      co_return Ruling::kGone;
    }
    if (*got == 0) co_return judge_fragment(connection);
  }
}

Awaitable<void> refuse(Connection& connection) {
  const bool tls = !connection.from_client.empty() && connection.from_client[0] == kTlsHandshake;
  if (!tls) {
    connection.reset_client();
    co_return;
  }
  connection.close_upstream();
  connection.expect_within(connection.guard->options.handshake);
  co_await send_all(connection, connection.client, kTlsAccessDenied);
  co_await close_gently(connection);
}

// The client's half of a tunnel in which a request would be one too many: `reason`.
Awaitable<void> pump_up_when_judged(Connection& connection, std::string_view reason) {
  Ruling ruling = co_await judge_passing_bytes(connection);
  if (ruling == Ruling::kHttp) ruling = deny(connection, reason);
  // A server that says a word before it gets its hello would otherwise be one whose TLS nobody opens.
  if (ruling == Ruling::kTerminated) ruling = deny(connection, "tls-after-server");
  if (ruling != Ruling::kTunnel && ruling != Ruling::kTls) {
    connection.reset_client();
    co_return;
  }
  connection.expect_within(connection.guard->options.idle);
  co_await pump_and_shut(connection, Direction::kUp);
}

}  // namespace

Awaitable<void> serve_tunnel(Connection& connection) {
  const GuardOptions& options = connection.guard->options;
  // A server that speaks first speaks no HTTP: nobody waits for it.
  const bool only_http = connection.guard->policy.refuse_opaque;
  Speaker first = Speaker::kClient;
  if (!only_http && !connection.from_upstream.empty()) {
    first = Speaker::kUpstream;
  } else if (!only_http && connection.from_client.empty()) {
    const std::chrono::milliseconds patience = first_patience(connection);
    connection.expect_within(patience);
    first = co_await first_to_speak(connection, patience);
  }
  if (connection.closed()) co_return;
  if (first == Speaker::kNobody) {
    if (connection.holds_tunnel()) connection.denied("handshake-timeout");
    co_return;
  }
  if (first == Speaker::kUpstream) {
    connection.release_tunnel();
    // An HTTP server has nothing to say before the request: whatever this is, it is not HTTP.
    connection.expect_within(options.idle);
    co_await run_both(connection, pump_and_shut(connection, Direction::kDown),
                      pump_up_when_judged(connection, "http-after-server"));
    co_return;
  }
  const Ruling ruling = co_await judge_first_bytes(connection);
  if (ruling != Ruling::kTerminated) connection.release_tunnel();
  switch (ruling) {
    case Ruling::kTerminated: {
      Peeked hello = peek(connection.from_client);
      co_await serve_terminated(connection, std::move(hello));
      break;
    }
    case Ruling::kTunnel: co_await relay(connection); break;
    case Ruling::kTls: co_await relay_tls(connection); break;
    case Ruling::kWord:
      connection.expect_within(options.idle);
      co_await run_both(connection, pump_and_shut(connection, Direction::kDown),
                        pump_up_when_judged(connection, "malformed-request"));
      break;
    case Ruling::kHttp: co_await serve_http_inside(connection); break;
    case Ruling::kDenied: co_await refuse(connection); break;
    case Ruling::kGone: break;
  }
}

}  // namespace srt::proxy
