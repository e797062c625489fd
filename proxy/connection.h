// One accepted connection: its two sockets, its deadline, and what the audit says of it.
//
// The session's coroutine frame owns it. The guard's list of connections points to it for
// deadlines, counts and changed policies; none of these destroys anything, they cancel or close
// sockets, and the coroutine finds out.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/asio.h"
#include "proxy/audit_event.h"
#include "proxy/decision.h"
#include "proxy/guard_state.h"

namespace srt::proxy {

enum class Direction { kUp, kDown };  // client to destination, destination to client

class Connection {
 public:
  Connection(std::shared_ptr<GuardState> state, Socket accepted, Way way);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  const std::shared_ptr<GuardState> guard;
  Socket client;
  std::string from_client;  // read and not used yet
  Socket upstream;
  std::string from_upstream;

  // Deadlines. When one passes, every pending operation is cancelled and expired() holds until the
  // next is set.
  void expect_within(std::chrono::milliseconds time);
  void touch();  // bytes have moved: the time of the last expect_within() starts again
  Clock::time_point deadline() const { return deadline_; }
  bool expired() const { return Clock::now() >= deadline_; }
  void expire();  // by the guard's timer
  // What else a deadline, or the end, has to wake: a lookup, a race of connects.
  std::shared_ptr<net::steady_timer> waker();

  void close();  // both sockets; pending operations end
  void close_upstream();
  void reset_client();  // RST instead of FIN
  bool closed() const { return closed_; }

  // What happens now, for the audit: allowed(), denied() and failed() report before the answer is
  // sent.
  void begin(Way way, const Destination& destination, std::string_view method = {});
  const Destination& destination() const { return destination_; }
  const Verdict& judge();  // decide() over destination()
  const Verdict& verdict() const { return verdict_; }
  void allowed();
  void denied(std::string_view reason);
  void denied_by_rule() { denied(verdict_.rule.empty() ? "no-rule" : "denied-by-rule"); }
  // A request that is too broken to have a destination.
  void malformed(Way way, std::string_view what, std::string_view reason);
  void failed(std::string_view reason);
  void ended();  // once; nothing if allowed() was not called, or it has been cut
  // The address it leads to, under the rules of now and this verdict of the name.
  bool address_stays(const Verdict& verdict) const;
  void judge_again();
  // Counts against max_per_destination until the next begin(), or the end.
  bool claim_destination();

  // Counts against maxTunnels until release_tunnel(), or the end; its handshakes have their time from here on.
  bool claim_tunnel();
  void release_tunnel();
  bool holds_tunnel() const { return holds_tunnel_; }
  std::chrono::milliseconds tunnel_patience() const;  // what is left of it

  // What it is from now on: TLS that we have opened, for the audit.
  // `server`: the name that its certificate is good for.
  void terminated(std::string server) {
    terminated_ = event.terminated = true;
    tls_server_ = std::move(server);
  }
  bool is_terminated() const { return terminated_; }
  const std::string& tls_server() const { return tls_server_; }
  std::optional<Host> verified;  // whose certificate the server showed
  TlsLegPtr client_tls, upstream_tls;
  std::string dead_upstream;  // why no request can be forwarded: the answer is 502

  AuditEvent event;
  // A second name that had to be allowed, too: the SNI, or a Host that differs.
  void also(const Destination& second) { also_ = second; }

 private:
  void release_destination();

  std::list<Connection*>::iterator place_;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::chrono::milliseconds patience_{0};
  Clock::time_point started_;
  std::weak_ptr<net::steady_timer> waker_;
  Destination destination_;
  std::optional<Destination> also_;
  Verdict verdict_;
  std::string claimed_, tls_server_;
  Clock::time_point tunnel_deadline_;
  bool open_ = false, closed_ = false, holds_tunnel_ = false, terminated_ = false;
};

}  // namespace srt::proxy
