#include "proxy/tls_tunnel.h"

#include <cstdint>
#include <string>

#include "proxy/reach.h"
#include "proxy/relay.h"
#include "proxy/socket_io.h"

namespace srt::proxy {
namespace {

constexpr size_t kRecordHeader = 5;
constexpr size_t kMostOfAnswer =
    1024;  // its beginning tells: 43 bytes, in as many pieces as there can be 228

// change_cipher_spec, alert, application_data (early data): what may stand between the two hellos.
bool may_come_between(char type) { return type == 20 || type == 21 || type == 23; }

bool refuse(Connection& connection, std::string_view reason) {
  connection.denied(reason);
  connection.reset_client();
  return false;
}

// The server's half: held until it is known whether it asks for a second hello.
Awaitable<void> pump_down(Connection& connection, ServerAnswer& answer) {
  while (answer == ServerAnswer::kNeedMore) {
    const auto got = co_await read_some(connection, connection.upstream, connection.from_upstream,
                                        kMostOfAnswer - connection.from_upstream.size());
    if (!got) {
      answer = ServerAnswer::kOther;
      connection.reset_client();
      co_return;
    }
    answer = *got == 0 ? ServerAnswer::kOther : peek_answer(connection.from_upstream);
    if (answer == ServerAnswer::kNeedMore && connection.from_upstream.size() >= kMostOfAnswer) {
      answer = ServerAnswer::kOther;
    }
  }
  co_await pump_and_shut(connection, Direction::kDown);
}

// False: the connection has been reset.
Awaitable<bool> judge_second_hello(Connection& connection) {
  const GuardOptions& options = connection.guard->options;
  const std::string& bytes = connection.from_client;
  connection.expect_within(options.handshake);
  while (true) {
    const Peeked hello = peek(bytes);
    if (hello.what == FirstBytes::kTls) {
      connection.expect_within(options.idle);
      const bool may = may_ask_for(connection, hello);
      if (!may) connection.reset_client();
      co_return may;
    }
    if (hello.what != FirstBytes::kNeedMore) co_return refuse(connection, "malformed-client-hello");
    const auto got = co_await read_some(connection, connection.client, connection.from_client,
                                        kMaxFirstBytes - bytes.size());
    if (!got && connection.expired()) co_return refuse(connection, "handshake-timeout");
    if (!got || *got == 0) co_return refuse(connection, "malformed-client-hello");
  }
}

// `size` bytes. False: there is nobody to send more to.
Awaitable<bool> pump_some(Connection& connection, size_t size) {
  const PumpEnd end = co_await pump(connection, Direction::kUp, size);
  if (end == PumpEnd::kDone) co_return true;
  if (end != PumpEnd::kWriteFailed) connection.reset_client();
  co_return false;
}

// The client's half: whole records, as long as one of them may be a second hello.
Awaitable<void> pump_up(Connection& connection, const ServerAnswer& answer) {
  const std::string& bytes = connection.from_client;
  if (!co_await pump_some(connection, peek(bytes).size)) co_return;
  bool ended = false;
  while (!ended && answer != ServerAnswer::kOther) {
    if (!bytes.empty() && !may_come_between(bytes[0])) {
      if (answer == ServerAnswer::kNeedMore) {
        refuse(connection, "malformed-client-hello");
        co_return;
      }
      if (!co_await judge_second_hello(connection)) co_return;
      break;
    }
    if (bytes.size() >= kRecordHeader) {
      const size_t length =
          size_t{static_cast<uint8_t>(bytes[3])} << 8 | static_cast<uint8_t>(bytes[4]);
      if (!co_await pump_some(connection, kRecordHeader + length)) co_return;
      continue;
    }
    const auto got = co_await read_some(connection, connection.client, connection.from_client,
                                        kMaxFirstBytes - bytes.size());
    if (!got) {
      connection.reset_client();
      co_return;
    }
    ended = *got == 0;
  }
  co_await pump_and_shut(connection, Direction::kUp);
}

}  // namespace

// With ECH (RFC 9849) the name is the outer one, that of the server which opens the inner hello.
bool may_ask_for(Connection& connection, const Peeked& hello) {
  connection.event.ech = connection.event.ech || hello.ech;
  if (!hello.sni) {
    connection.event.without_sni = connection.event.sni.empty();
    return true;
  }
  connection.event.sni = *hello.sni;
  connection.event.without_sni = false;
  const auto host = canonical_host(*hello.sni);
  if (!host) {
    connection.denied("malformed-client-hello");
    return false;
  }
  const Destination& destination = connection.destination();
  if (*host == destination.host) return true;
  const Destination named{*host, destination.port};
  if (!decide(connection.guard->policy, named).allowed) {
    connection.denied("sni-mismatch");
    return false;
  }
  if (evades_unix_proxy(connection, named)) {
    connection.denied("around-mitm-proxy");
    return false;
  }
  connection.also(named);
  return true;
}

Awaitable<void> relay_tls(Connection& connection) {
  connection.expect_within(connection.guard->options.idle);
  ServerAnswer answer = ServerAnswer::kNeedMore;
  co_await run_both(connection, pump_down(connection, answer), pump_up(connection, answer));
}

}  // namespace srt::proxy
