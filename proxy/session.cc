#include "proxy/session.h"

#include <utility>

#include "proxy/connection.h"
#include "proxy/http_session.h"
#include "proxy/socket_io.h"
#include "proxy/socks_session.h"
#include "proxy/transparent_session.h"

namespace srt::proxy {
namespace {

constexpr char kSocks4 = 4, kSocks5 = 5;

// Both proxy ports take both protocols: HTTP methods are letters, SOCKS begins with its version.
Awaitable<void> serve_proxy(Connection& connection) {
  const auto got =
      co_await read_some(connection, connection.client, connection.from_client, 64 * 1024);
  if (!got || *got == 0) co_return;
  const char first = connection.from_client[0];
  if (first == kSocks5) {
    co_await serve_socks(connection);
  } else if (first == kSocks4) {
    // Its clients look names up by themselves, unless they speak 4a.
    connection.malformed(Way::kSocks, {}, "socks4");
  } else {
    co_await serve_http_proxy(connection);
  }
}

}  // namespace

Awaitable<void> serve_on_proxy_port(std::shared_ptr<GuardState> guard, Socket client) {
  prepare(client);
  Connection connection(std::move(guard), std::move(client), Way::kHttp);
  connection.expect_within(connection.guard->options.handshake);
  co_await serve_proxy(connection);
}

Awaitable<void> serve_captured(std::shared_ptr<GuardState> guard, Socket client) {
  prepare(client);
  Connection connection(std::move(guard), std::move(client), Way::kTransparent);
  connection.expect_within(connection.guard->options.handshake);
  co_await serve_transparent(connection);
}

}  // namespace srt::proxy
