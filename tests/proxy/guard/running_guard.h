// A guard on real sockets of this host's loopback, in a thread of its own, for a test that is its
// sandbox.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proxy/guard.h"

namespace srt::proxy::tests {

// The address guard refuses loopback; a pattern that lists an address, or localhost, is an explicit
// choice.
EgressPolicy allow(const std::vector<std::string>& patterns,
                   const std::vector<std::string>& denied = {});

class RunningGuard {
 public:
  explicit RunningGuard(EgressPolicy policy, GuardOptions options = {});
  ~RunningGuard();

  uint16_t proxy_port() const { return proxy_port_; }
  uint16_t dns_port() const { return dns_port_; }
  void replace_policy(EgressPolicy policy, int connector = -1);
  Guard::Counts counts();

  std::vector<AuditEvent> events() const;
  // Waits (at most 10 s) until an event is there for which `wanted` holds.
  bool await_event(const std::function<bool(const AuditEvent&)>& wanted) const;
  bool await_event(EventKind kind, const std::string& reason = {}) const;
  bool await_no_connections();

  // What a transparent listener stands on: `port` of 127.0.0.2, which leads to localhost:port.
  static constexpr const char* kCaptured = "127.0.0.2";
  static std::unique_ptr<RunningGuard> capturing(uint16_t port, EgressPolicy policy,
                                                 GuardOptions options = {});

 private:
  RunningGuard(EgressPolicy policy, GuardOptions options, uint16_t captured_port);
  void on_loop(const std::function<void()>& task);

  uint16_t proxy_port_ = 0, dns_port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<AuditEvent> events_;
  boost::asio::io_context io_{1};
  std::unique_ptr<Guard> guard_;
  std::thread thread_;
};

}  // namespace srt::proxy::tests
