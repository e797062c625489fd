#include "proxy/terminated.h"

#include <chrono>
#include <string>
#include <utility>

#include "proxy/http_session.h"
#include "proxy/socket_io.h"

namespace srt::proxy {
namespace {

// Who the client wants to see. A name that is not the destination is allowed itself.
std::string asked_for(const Connection& connection, const Peeked& hello) {
  if (hello.sni) {
    if (const auto host = canonical_host(*hello.sni)) return host->to_text();
  }
  return connection.destination().host.to_text();
}

// Who the server has to be: what the requests will be for, whatever the hello says. Of a tunnel to an address only
// the hello tells.
std::string must_be(const Connection& connection, const Peeked& hello) {
  const Host& host = connection.destination().host;
  return host.is_name() ? host.to_text() : asked_for(connection, hello);
}

}  // namespace

Awaitable<void> serve_terminated(Connection& connection, Peeked hello) {
  const std::string server = must_be(connection, hello), shown = asked_for(connection, hello);
  const std::chrono::milliseconds patience = connection.tunnel_patience();
  TlsService& tls = connection.guard->tls;
  connection.terminated(server);
  connection.expect_within(patience);
  // Both handshakes at once.
  connection.upstream_tls =
      co_await tls.begin(connection, connection.upstream, TlsTask::kDial, server,
                         std::exchange(connection.from_upstream, {}), patience);
  connection.client_tls = co_await tls.begin(connection, connection.client, TlsTask::kServe, shown,
                                             std::exchange(connection.from_client, {}), patience);
  if (connection.closed()) co_return;
  co_await tls.await_ready(connection, connection.upstream_tls);
  if (connection.closed()) co_return;
  const TlsLeg& upstream = *connection.upstream_tls;
  if (!upstream.ready) {
    connection.dead_upstream = "TLS to " + server + ": " + upstream.reason;
    connection.close_upstream();
    if (upstream.untrusted) {
      connection.denied("untrusted-certificate: " + upstream.reason);
    } else {
      connection.failed("tls-upstream: " + upstream.reason);
    }
  } else if (const auto host = canonical_host(server)) {
    connection.verified = *host;
  }
  co_await tls.await_ready(connection, connection.client_tls);
  if (connection.closed()) co_return;
  if (!connection.client_tls->ready) {
    // "unknown ca": a client that does not trust the sandbox's authority.
    connection.failed("tls-client: " + connection.client_tls->reason);
    connection.close();
    co_return;
  }
  connection.expect_within(connection.guard->options.handshake);
  co_await serve_http_inside(connection);
}

}  // namespace srt::proxy
