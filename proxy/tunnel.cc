#include "proxy/tunnel.h"

#include <string_view>

#include "proxy/client_hello.h"
#include "proxy/http_session.h"
#include "proxy/relay.h"
#include "proxy/socket_io.h"

namespace srt::proxy {
namespace {

enum class Ruling { kTunnel, kHttp, kDenied, kGone };

constexpr uint16_t kHttpsPort = 443;
constexpr char kTlsHandshake = 0x16;
// fatal(2), access_denied(49): RFC 8446 §6.2. The client then names the reason instead of "reset".
constexpr std::string_view kTlsAccessDenied{"\x15\x03\x03\x00\x02\x02\x31", 7};

Ruling deny(Connection& connection, std::string_view reason) {
  connection.denied(reason);
  return Ruling::kDenied;
}

// With ECH (RFC 9849) this is the outer name, that of the server which opens the inner hello.
Ruling judge_server_name(Connection& connection, const std::string& sni) {
  connection.event.sni = sni;
  const auto host = canonical_host(sni);
  if (!host) return deny(connection, "malformed-client-hello");
  const Destination& destination = connection.destination();
  if (*host == destination.host) return Ruling::kTunnel;
  const Destination named{*host, destination.port};
  if (!decide(connection.guard->policy, named).allowed) return deny(connection, "sni-mismatch");
  connection.also(named);
  return Ruling::kTunnel;
}

Ruling judge_peeked(Connection& connection, const Peeked& peeked) {
  const bool https = connection.destination().port == kHttpsPort;
  switch (peeked.what) {
    case FirstBytes::kTls:
      connection.event.ech = peeked.ech;
      if (peeked.sni) return judge_server_name(connection, *peeked.sni);
      connection.event.without_sni = true;
      return Ruling::kTunnel;
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
  if (bytes.empty()) return Ruling::kTunnel;
  if (bytes[0] == kTlsHandshake) return deny(connection, "malformed-client-hello");
  return connection.destination().port == kHttpsPort ? deny(connection, "not-tls")
                                                     : Ruling::kTunnel;
}

// Reads the client's first bytes until they say what they are.
Awaitable<Ruling> judge_first_bytes(Connection& connection) {
  const GuardOptions& options = connection.guard->options;
  bool begun = !connection.from_client.empty();
  connection.expect_within(begun ? options.handshake : options.idle);
  while (true) {
    const Peeked peeked = peek(connection.from_client);
    if (begun && peeked.what != FirstBytes::kNeedMore) co_return judge_peeked(connection, peeked);
    if (connection.from_client.size() >= kMaxFirstBytes) {
      co_return deny(connection, "malformed-client-hello");
    }
    const auto got = co_await read_some(connection, connection.client, connection.from_client,
                                        kMaxFirstBytes - connection.from_client.size());
    if (!got) {
      // Slow first bytes are no way around the question.
      if (begun && connection.expired()) co_return deny(connection, "handshake-timeout");
      co_return Ruling::kGone;
    }
    if (*got == 0) co_return judge_fragment(connection);
    if (!begun) connection.expect_within(options.handshake);
    begun = true;
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

// The client's half of a tunnel whose server speaks first.
Awaitable<void> pump_up_when_judged(Connection& connection) {
  Ruling ruling = co_await judge_first_bytes(connection);
  // An HTTP server has nothing to say before the request: whatever this is, it is not HTTP.
  if (ruling == Ruling::kHttp) ruling = deny(connection, "http-after-server");
  if (ruling != Ruling::kTunnel) {
    connection.reset_client();
    co_return;
  }
  connection.expect_within(connection.guard->options.idle);
  co_await pump_and_shut(connection, Direction::kUp);
}

}  // namespace

Awaitable<void> serve_tunnel(Connection& connection) {
  const GuardOptions& options = connection.guard->options;
  Speaker first = Speaker::kClient;
  if (!connection.from_upstream.empty()) {
    first = Speaker::kUpstream;
  } else if (connection.from_client.empty()) {
    connection.expect_within(options.idle);
    first = co_await first_to_speak(connection, options.idle);
  }
  if (first == Speaker::kNobody || connection.closed()) co_return;
  if (first == Speaker::kUpstream) {
    connection.expect_within(options.idle);
    co_await run_both(connection, pump_and_shut(connection, Direction::kDown),
                      pump_up_when_judged(connection));
    co_return;
  }
  switch (co_await judge_first_bytes(connection)) {
    case Ruling::kTunnel: co_await relay(connection); break;
    case Ruling::kHttp: co_await serve_http_inside(connection); break;
    case Ruling::kDenied: co_await refuse(connection); break;
    case Ruling::kGone: break;
  }
}

}  // namespace srt::proxy
