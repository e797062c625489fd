#include "proxy/dialer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "proxy/address_guard.h"
#include "proxy/parent_tunnel.h"
#include "proxy/socket_address.h"
#include "proxy/socket_io.h"

namespace srt::proxy {
namespace {

using Kind = DialFailure::Kind;

constexpr auto kNextAttempt = std::chrono::milliseconds(250);  // RFC 8305 §8
constexpr size_t kMostAddresses = 16;

// Connection attempts of one dial, RFC 8305. The first that succeeds stays.
class Race : public std::enable_shared_from_this<Race> {
 public:
  Race(net::io_context& io, std::shared_ptr<net::steady_timer> timer)
      : io_(io), timer_(std::move(timer)), winner_(io) {}

  void start(const Endpoint& endpoint) {
    auto socket = std::make_shared<Socket>(io_);
    attempts_.push_back(socket);
    ++pending_;
    socket->async_connect(to_asio(endpoint),
                          [self = shared_from_this(), socket, endpoint](error_code error) {
                            --self->pending_;
                            if (!error && !self->won_) {
                              self->won_ = endpoint;
                              self->winner_ = std::move(*socket);
                            } else if (error != net::error::operation_aborted) {
                              self->error_ = error;
                            }
                            self->timer_->cancel();
                          });
  }
  void give_up() {
    error_code ignored;
    for (const auto& socket : attempts_) socket->close(ignored);
  }
  const std::optional<Endpoint>& won() const { return won_; }
  Socket& winner() { return winner_; }
  size_t pending() const { return pending_; }
  const error_code& error() const { return error_; }

 private:
  net::io_context& io_;
  std::shared_ptr<net::steady_timer> timer_;
  std::vector<std::shared_ptr<Socket>> attempts_;
  size_t pending_ = 0;
  std::optional<Endpoint> won_;
  Socket winner_;
  error_code error_;
};

DialFailure failure(Kind kind, std::string reason) { return {kind, std::move(reason)}; }

DialFailure failure_of(const error_code& error) {
  if (error == net::error::connection_refused) return failure(Kind::kRefused, "refused");
  if (error == net::error::timed_out) return failure(Kind::kTimedOut, "connect-timeout");
  if (error == net::error::no_descriptors) return failure(Kind::kBusy, "no-descriptors");
  return failure(Kind::kUnreachable, "unreachable");
}

Awaitable<std::optional<DialFailure>> connect_first(Connection& connection,
                                                    std::vector<Endpoint> endpoints) {
  const auto timer = connection.waker();
  const auto race = std::make_shared<Race>(connection.guard->io, timer);
  size_t next = 0;
  const Clock::time_point deadline = connection.deadline();
  Clock::time_point start_next = Clock::now();
  while (!race->won() && !connection.closed() && Clock::now() < deadline) {
    const bool failed = next > 0 && race->pending() == 0;
    if (next < endpoints.size() && (failed || Clock::now() >= start_next)) {
      race->start(endpoints[next++]);
      start_next = Clock::now() + kNextAttempt;
    } else if (failed) {
      break;
    }
    timer->expires_at(next < endpoints.size() ? std::min(start_next, deadline) : deadline);
    co_await timer->async_wait(kTuple);
  }
  race->give_up();
  if (connection.closed()) co_return failure(Kind::kUnreachable, "cut");
  if (!race->won()) {
    if (Clock::now() >= deadline) co_return failure(Kind::kTimedOut, "connect-timeout");
    co_return failure_of(race->error());
  }
  connection.upstream = std::move(race->winner());
  connection.from_upstream.clear();
  prepare(connection.upstream);
  connection.event.address = race->won();
  co_return std::nullopt;
}

// Families take turns, so that a broken one costs one delay.
std::vector<IpAddress> interleave(const std::vector<IpAddress>& addresses) {
  std::vector<IpAddress> first, second, mixed;
  for (const IpAddress& address : addresses) {
    (address.is_v4() == addresses.front().is_v4() ? first : second).push_back(address);
  }
  for (size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  if (mixed.size() > kMostAddresses) mixed.resize(kMostAddresses);
  return mixed;
}

Awaitable<tl::expected<std::vector<IpAddress>, DialFailure>> look_up(Connection& connection,
                                                                     std::string host) {
  if (const auto literal = IpAddress::parse(host)) co_return std::vector<IpAddress>{*literal};
  if (Host{host}.is_localhost()) {
    std::array<uint8_t, 16> loopback{};
    loopback[15] = 1;
    co_return std::vector<IpAddress>{IpAddress::v4(0x7f000001), IpAddress::v6(loopback)};
  }
  const auto waiting = connection.waker();
  const Resolver::Answer answer = co_await connection.guard->resolver.resolve(host, waiting);
  switch (answer.failure) {
    case Resolver::Failure::kNone: break;
    case Resolver::Failure::kNoSuchName:
      co_return tl::unexpected(failure(Kind::kNoSuchName, "no-such-name"));
    case Resolver::Failure::kTemporary:
      co_return tl::unexpected(connection.expired()
                                   ? failure(Kind::kTimedOut, "resolver-timeout")
                                   : failure(Kind::kNoSuchName, "resolver-failed"));
    case Resolver::Failure::kBusy: co_return tl::unexpected(failure(Kind::kBusy, "resolver-busy"));
  }
  co_return interleave(answer.addresses);
}

// The address guard. Mixed answers: what is refused is left out, and never fallen back to.
tl::expected<std::vector<Endpoint>, DialFailure> permitted(
    Connection& connection, const std::vector<IpAddress>& addresses) {
  std::vector<Endpoint> endpoints;
  std::string reason;
  const uint16_t port = connection.destination().port;
  for (const IpAddress& address : addresses) {
    const AddressVerdict verdict = judge_address(connection.guard->policy, connection.verdict(),
                                                 address, port, connection.guard->own.list());
    if (verdict.allowed) {
      endpoints.push_back({address, port});
    } else if (reason.empty()) {
      reason = verdict.reason;
    }
  }
  if (endpoints.empty()) return tl::unexpected(failure(Kind::kAddressDenied, "address: " + reason));
  return endpoints;
}

// What has come of one question to the connector (unix_connector.h): 0, or an errno. The answer is awaited in
// the place of the connection that it brings, so that a deadline or the end finds it there.
Awaitable<int> ask_for_unix_proxy(Connection& connection) {
  const int waiting = connection.guard->connector.ask();
  if (waiting < 0) co_return errno;
  error_code error;
  // Not a socket of the Internet; nobody asks it for addresses, and Asio only waits.
  connection.upstream.assign(Tcp::v4(), waiting, error);
  if (error) {
    close(waiting);
    co_return EMFILE;
  }
  std::tie(error) = co_await connection.upstream.async_wait(Socket::wait_read, kTuple);
  int proxy = -1;
  const int answer = error ? ECANCELED : take_connected(waiting, proxy);
  connection.close_upstream();
  if (answer == 0) connection.upstream.assign(Tcp::v4(), proxy, error);
  co_return answer;
}

Awaitable<std::optional<DialFailure>> connect_to_unix_proxy(Connection& connection) {
  constexpr auto kAgain = std::chrono::milliseconds(20);
  while (true) {
    const int error = co_await ask_for_unix_proxy(connection);
    if (connection.closed()) co_return failure(Kind::kUnreachable, "cut");
    if (error == 0) break;
    if (connection.expired()) co_return failure(Kind::kTimedOut, "connect-timeout");
    switch (error) {
      // Its queue, or the connector's, is full: unlike TCP, the kernel does not wait by itself.
      case EAGAIN: break;
      case EMFILE:
      case ENFILE: co_return failure(Kind::kBusy, "no-descriptors");
      case ECONNREFUSED: co_return failure(Kind::kParentProxy, "mitm-proxy: refused");
      default: co_return failure(Kind::kParentProxy, "mitm-proxy: unreachable");
    }
    const auto timer = connection.waker();
    timer->expires_at(std::min(Clock::now() + kAgain, connection.deadline()));
    co_await timer->async_wait(kTuple);
  }
  prepare(connection.upstream);
  co_return std::nullopt;
}

Awaitable<std::optional<DialFailure>> connect_to_proxy(Connection& connection, Route route) {
  if (route.kind == Route::Kind::kUnixProxy) co_return co_await connect_to_unix_proxy(connection);
  const auto addresses = co_await look_up(connection, route.proxy_host);
  if (!addresses) {
    co_return failure(Kind::kParentProxy, "parent-proxy: " + addresses.error().reason);
  }
  std::vector<Endpoint> proxies;
  for (const IpAddress& address : *addresses) proxies.push_back({address, route.proxy_port});
  const auto failed = co_await connect_first(connection, std::move(proxies));
  connection.event.address.reset();  // the proxy's is of no interest
  if (failed) co_return failure(Kind::kParentProxy, "parent-proxy: " + failed->reason);
  co_return std::nullopt;
}

}  // namespace

Awaitable<std::optional<DialFailure>> dial(Connection& connection, Route route, bool plain_http) {
  connection.expect_within(connection.guard->options.connect);
  connection.event.address.reset();  // of the connection before this one
  const Destination& destination = connection.destination();
  if (route.kind == Route::Kind::kDirect) {
    const std::string host = destination.host.to_text();
    const auto addresses = co_await look_up(connection, host);
    if (!addresses) co_return addresses.error();
    auto endpoints = permitted(connection, *addresses);
    if (!endpoints) co_return endpoints.error();
    std::vector<Endpoint> dialled = *std::move(endpoints);
    co_return co_await connect_first(connection, std::move(dialled));
  }
  // The proxy looks the name up; an address is judged here all the same.
  if (!destination.host.is_name()) {
    const std::vector<IpAddress> literal{destination.host.address()};
    if (auto endpoints = permitted(connection, literal); !endpoints) co_return endpoints.error();
  }
  auto failed = co_await connect_to_proxy(connection, route);
  if (failed) co_return failed;
  if (route.speaks_http() && plain_http) co_return std::nullopt;
  const std::string error = co_await open_parent_tunnel(connection, route);
  if (error.empty()) co_return std::nullopt;
  const bool late = connection.expired();
  connection.close_upstream();
  const char* const whose =
      route.kind == Route::Kind::kUnixProxy ? "mitm-proxy: " : "parent-proxy: ";
  co_return failure(late ? Kind::kTimedOut : Kind::kParentProxy, whose + error);
}

}  // namespace srt::proxy
