#include "proxy/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/address_guard.h"

namespace srt::proxy {
namespace {

constexpr size_t kLongestHost = 300;  // what is kept of a malformed one

void cancel(Socket& socket) {
  error_code ignored;
  if (socket.is_open()) socket.cancel(ignored);
}

void close_socket(Socket& socket) {
  error_code ignored;
  socket.close(ignored);
}

}  // namespace

Connection::Connection(std::shared_ptr<GuardState> state, Socket accepted, Way way)
    : guard(std::move(state)), client(std::move(accepted)), upstream(guard->io) {
  event.way = way;
  event.connection = guard->next_connection++;
  place_ = guard->join(this);
}

Connection::~Connection() {
  ended();
  release_destination();
  release_tunnel();
  guard->leave(place_);
}

void Connection::expect_within(std::chrono::milliseconds time) {
  patience_ = time;
  deadline_ = Clock::now() + time;
  guard->watch(deadline_);
}

void Connection::touch() { deadline_ = Clock::now() + patience_; }

void Connection::expire() {
  cancel(client);
  cancel(upstream);
  if (const auto timer = waker_.lock()) timer->cancel();
}

std::shared_ptr<net::steady_timer> Connection::waker() {
  auto timer = std::make_shared<net::steady_timer>(guard->io, deadline_);
  waker_ = timer;
  return timer;
}

void Connection::close() {
  closed_ = true;
  close_socket(client);
  close_socket(upstream);
  if (const auto timer = waker_.lock()) timer->cancel();
}

void Connection::close_upstream() {
  close_socket(upstream);
  from_upstream.clear();
}

void Connection::reset_client() {
  error_code ignored;
  if (client.is_open()) client.set_option(net::socket_base::linger(true, 0), ignored);
  close();
}

void Connection::begin(Way way, const Destination& destination, std::string_view method) {
  ended();
  AuditEvent next;
  if (destination != destination_) {
    release_destination();
  } else if (upstream.is_open()) {
    next.address = event.address;  // a further request over the same connection
  }
  destination_ = destination;
  also_.reset();
  next.connection = event.connection;
  next.terminated = terminated_;
  next.way = way;
  next.host = destination.host.to_text();
  next.port = destination.port;
  next.method = method;
  event = std::move(next);
  started_ = Clock::now();
}

const Verdict& Connection::judge() {
  verdict_ = decide(guard->policy, destination_);
  event.rule = verdict_.rule;
  event.origin = verdict_.origin;
  return verdict_;
}

void Connection::allowed() {
  event.kind = EventKind::kAllowed;
  event.reason.clear();
  guard->report(event);
  open_ = true;
}

void Connection::denied(std::string_view reason) {
  AuditEvent denial = event;
  denial.kind = EventKind::kDenied;
  denial.reason = reason;
  guard->report(std::move(denial));
}

void Connection::malformed(Way way, std::string_view what, std::string_view reason) {
  ended();
  AuditEvent denial;
  denial.connection = event.connection;
  denial.way = way;
  denial.terminated = terminated_;
  denial.kind = EventKind::kDenied;
  denial.host = what.substr(0, kLongestHost);
  denial.reason = reason;
  guard->report(std::move(denial));
}

void Connection::failed(std::string_view reason) {
  AuditEvent failure = event;
  failure.kind = EventKind::kFailed;
  failure.reason = reason;
  guard->report(std::move(failure));
}

void Connection::ended() {
  if (!std::exchange(open_, false)) return;
  event.kind = EventKind::kEnded;
  event.duration_us =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_).count();
  guard->report(event);
}

bool Connection::address_stays(const Verdict& verdict) const {
  if (!event.address) return true;
  return judge_address(guard->policy, verdict, event.address->address, event.address->port,
                       guard->own.list())
      .allowed;
}

void Connection::judge_again() {
  if (!open_ || closed_) return;
  const EgressPolicy& policy = guard->policy;
  const Verdict verdict = decide(policy, destination_);
  if (verdict.allowed && (!also_ || decide(policy, *also_).allowed) && address_stays(verdict))
    return;
  open_ = false;
  event.kind = EventKind::kCut;
  event.rule = verdict.rule;
  event.origin = verdict.origin;
  event.reason = "policy-changed";
  event.duration_us =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_).count();
  guard->report(event);
  reset_client();
}

bool Connection::claim_destination() {
  std::string key = Endpoint{{}, destination_.port}.to_text() + destination_.host.to_text();
  if (key == claimed_) return true;
  release_destination();
  size_t& count = guard->per_destination[key];
  if (count >= guard->options.max_per_destination) return false;
  ++count;
  claimed_ = std::move(key);
  return true;
}

bool Connection::claim_tunnel() {
  const std::optional<TlsTermination>& tls = guard->policy.tls;
  if (holds_tunnel_) return true;
  if (!tls || guard->terminated >= tls->max_tunnels) return false;
  ++guard->terminated;
  holds_tunnel_ = true;
  tunnel_deadline_ = Clock::now() + std::chrono::milliseconds(tls->handshake_ms);
  return true;
}

void Connection::release_tunnel() {
  if (std::exchange(holds_tunnel_, false)) --guard->terminated;
}

std::chrono::milliseconds Connection::tunnel_patience() const {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(tunnel_deadline_ - Clock::now());
  return std::max(std::chrono::milliseconds(0), left);
}

void Connection::release_destination() {
  if (claimed_.empty()) return;
  const auto found = guard->per_destination.find(claimed_);
  if (found != guard->per_destination.end() && --found->second == 0) {
    guard->per_destination.erase(found);
  }
  claimed_.clear();
}

}  // namespace srt::proxy
