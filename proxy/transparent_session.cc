#include "proxy/transparent_session.h"

#include <optional>
#include <string>
#include <utility>

#include "proxy/reach.h"
#include "proxy/socket_address.h"
#include "proxy/tunnel.h"

namespace srt::proxy {
namespace {

// Keeps a synthetic address with its name while a connection to it lives.
class Pin {
 public:
  Pin(SyntheticAddresses& addresses, std::string name)
      : addresses_(addresses), name_(std::move(name)) {
    addresses_.pin(name_);
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() { addresses_.unpin(name_); }

 private:
  SyntheticAddresses& addresses_;
  const std::string name_;
};

bool is_loopback(const IpAddress& address) {
  if (address.is_v4()) return address.to_v4() >> 24 == 127;
  std::array<uint8_t, 16> loopback{};
  loopback[15] = 1;
  return address.bytes() == loopback;
}

// Nothing inside listens there, or it would not have come to us: the host's loopback is meant,
// which the rules may also call "localhost".
void try_localhost(Connection& connection, const Endpoint& wanted) {
  const Destination localhost{Host{std::string("localhost")}, wanted.port};
  if (!decide(connection.guard->policy, localhost).allowed) return;
  connection.begin(Way::kTransparent, localhost);
  connection.judge();
}

}  // namespace

Awaitable<void> serve_transparent(Connection& connection) {
  const auto wanted = local_endpoint(connection.client.native_handle());
  if (!wanted) co_return;
  std::optional<Pin> pin;
  Destination destination{Host{wanted->address}, wanted->port};
  if (SyntheticAddresses::is_synthetic(wanted->address)) {
    const auto name = connection.guard->synthetic.name_of(wanted->address);
    if (!name) {
      connection.malformed(Way::kTransparent, wanted->to_text(), "unknown-synthetic-address");
      connection.reset_client();
      co_return;
    }
    pin.emplace(connection.guard->synthetic, *name);
    destination.host = Host{*name};
  }
  connection.begin(Way::kTransparent, destination);
  if (!connection.judge().allowed && is_loopback(wanted->address)) {
    try_localhost(connection, *wanted);
  }
  if (!connection.verdict().allowed) {
    connection.denied_by_rule();
    connection.reset_client();
    co_return;
  }
  const bool opens = terminates(connection.guard->policy, connection.destination());
  if (opens && !connection.claim_tunnel()) {
    connection.denied("too-many-tunnels");
    connection.reset_client();
    co_return;
  }
  if (co_await reach(connection, false)) {
    connection.reset_client();
    co_return;
  }
  co_await serve_tunnel(connection);
}

}  // namespace srt::proxy
