#include "tests/proxy/guard/running_guard.h"

#include <chrono>
#include <future>
#include <stdexcept>
#include <utility>

#include <boost/asio/post.hpp>

#include "proxy/socket_address.h"
#include "tests/proxy/guard/listeners.h"

namespace srt::proxy::tests {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

Rule rule(const std::string& text, PatternList list) {
  auto pattern = DomainPattern::parse(text, list);
  if (!pattern) throw std::runtime_error(pattern.error());
  return Rule{*std::move(pattern), "test", ""};
}

Endpoint loopback(const char* address, uint16_t port) { return {*IpAddress::parse(address), port}; }

int must(int fd) {
  if (fd < 0) throw std::runtime_error("cannot listen on loopback");
  return fd;
}

}  // namespace

EgressPolicy allow(const std::vector<std::string>& patterns,
                   const std::vector<std::string>& denied) {
  EgressPolicy policy;
  RuleLayer layer;
  for (const std::string& text : patterns) layer.allowed.push_back(rule(text, PatternList::kAllow));
  for (const std::string& text : denied) layer.denied.push_back(rule(text, PatternList::kDeny));
  policy.layers.push_back(std::move(layer));
  return policy;
}

RunningGuard::RunningGuard(EgressPolicy policy, GuardOptions options)
    : RunningGuard(std::move(policy), std::move(options), 0) {}

std::unique_ptr<RunningGuard> RunningGuard::capturing(uint16_t port, EgressPolicy policy,
                                                      GuardOptions options) {
  return std::unique_ptr<RunningGuard>(
      new RunningGuard(std::move(policy), std::move(options), port));
}

RunningGuard::RunningGuard(EgressPolicy policy, GuardOptions options, uint16_t captured_port) {
  std::vector<Listener> listeners;
  const int proxy = must(listen_tcp(loopback("127.0.0.1", 0)));
  proxy_port_ = local_endpoint(proxy)->port;
  listeners.push_back({Listener::Kind::kProxy, proxy});
  const int dns_tcp = must(listen_tcp(loopback("127.0.0.1", 0)));
  dns_port_ = local_endpoint(dns_tcp)->port;
  listeners.push_back({Listener::Kind::kDnsTcp, dns_tcp});
  listeners.push_back({Listener::Kind::kDnsUdp, must(bind_udp(loopback("0.0.0.0", dns_port_)))});
  if (captured_port != 0) {
    listeners.push_back(
        {Listener::Kind::kTransparent, must(listen_tcp(loopback(kCaptured, captured_port)))});
  }
  guard_ = std::make_unique<Guard>(io_, std::move(listeners), std::move(policy), std::move(options),
                                   [this](const AuditEvent& event) {
                                     const std::lock_guard lock(mutex_);
                                     events_.push_back(event);
                                     changed_.notify_all();
                                   });
  guard_->start();
  thread_ = std::thread([this] { io_.run(); });
}

RunningGuard::~RunningGuard() {
  on_loop([this] { guard_.reset(); });
  thread_.join();  // everything is closed: the loop runs out of work
}

void RunningGuard::on_loop(const std::function<void()>& task) {
  std::promise<void> done;
  boost::asio::post(io_, [&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void RunningGuard::replace_policy(EgressPolicy policy, int connector) {
  on_loop([&] { guard_->replace_policy(std::move(policy), connector); });
}

Guard::Counts RunningGuard::counts() {
  Guard::Counts counts;
  on_loop([&] { counts = guard_->counts(); });
  return counts;
}

std::vector<AuditEvent> RunningGuard::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

bool RunningGuard::await_event(const std::function<bool(const AuditEvent&)>& wanted) const {
  std::unique_lock lock(mutex_);
  size_t seen = 0;
  return changed_.wait_for(lock, kPatience, [&] {
    for (; seen < events_.size(); ++seen) {
      if (wanted(events_[seen])) return true;
    }
    return false;
  });
}

bool RunningGuard::await_event(EventKind kind, const std::string& reason) const {
  return await_event([&](const AuditEvent& event) {
    return event.kind == kind && (reason.empty() || event.reason == reason);
  });
}

bool RunningGuard::await_no_connections() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (counts().open == 0) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace srt::proxy::tests
