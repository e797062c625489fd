#include "proxy/guard_state.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "proxy/connection.h"

namespace srt::proxy {
namespace {
constexpr auto kGranularity = std::chrono::milliseconds(100);
constexpr size_t kMany = 64;
}  // namespace

GuardState::GuardState(net::io_context& loop, EgressPolicy rules, GuardOptions limits,
                       Guard::Sink events)
    : io(loop),
      policy(std::move(rules)),
      options(std::move(limits)),
      token(options.token),
      connector(options.connector),
      sink(std::move(events)),
      own(options.host_addresses),
      resolver(loop),
      tls(loop, options.tls),
      sweeper_(loop) {}

std::list<Connection*>::iterator GuardState::join(Connection* connection) {
  const auto place = connections.insert(connections.end(), connection);
  counts.open = connections.size();
  most_at_once_ = std::max(most_at_once_, counts.open);
  return place;
}

void GuardState::leave(std::list<Connection*>::iterator place) noexcept {
  connections.erase(place);
  counts.open = connections.size();
  if (!connections.empty() || stopped || !options.quiet) return;
  if (std::exchange(most_at_once_, 0) < kMany) return;
  try {
    net::post(io, options.quiet);  // when the frame of this last one is gone as well
  } catch (const std::exception&) {
    // What is not given back now is given back after the next crowd.
  }
}

void GuardState::report(AuditEvent event) {
  using namespace std::chrono;
  event.time_us = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  switch (event.kind) {
    case EventKind::kAllowed: ++counts.allowed; break;
    case EventKind::kDenied: ++counts.denied; break;
    case EventKind::kFailed: ++counts.failed; break;
    case EventKind::kEnded:
    case EventKind::kCut:
    case EventKind::kPolicy: break;
  }
  if (!sink) return;
  try {
    sink(event);
  } catch (const std::exception&) {
    // The sink is the caller's; a verdict stands whether or not it could be written.
  }
}

void GuardState::watch(Clock::time_point deadline) {
  if (next_sweep_ <= deadline || stopped) return;
  next_sweep_ = deadline;
  sweeper_.expires_at(deadline);
  sweeper_.async_wait([weak = weak_from_this()](error_code error) {
    if (error) return;
    if (const auto self = weak.lock()) self->sweep();
  });
}

void GuardState::sweep() {
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  for (Connection* connection : connections) {
    if (connection->deadline() <= now) connection->expire();
    next = std::min(next, std::max(connection->deadline(), now + kGranularity));
  }
  next_sweep_ = Clock::time_point::max();
  if (next != Clock::time_point::max()) watch(next);
}

void GuardState::stop() {
  stopped = true;
  sweeper_.cancel();
  tls.close();
  for (Connection* connection : connections) {
    connection->ended();
    connection->close();
  }
  sink = nullptr;
}

void GuardState::apply(EgressPolicy changed, int new_connector) {
  policy = std::move(changed);
  if (new_connector >= 0) connector = UnixConnector(new_connector);
  AuditEvent event;
  event.kind = EventKind::kPolicy;
  report(std::move(event));
  for (Connection* connection : connections) connection->judge_again();
}

}  // namespace srt::proxy
