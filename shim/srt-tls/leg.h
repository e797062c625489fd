// One connection: TLS on one socket, its plaintext on the other.
//
// What the one side does not take stays with the other: at most one piece a direction is held here. A half that ends
// is handed on: close_notify as shutdown(SHUT_WR), and the other way round. Whoever has the plaintext and closes it
// without shutdown() breaks off, and so TLS ends without close_notify: the other side knows that something is missing.
// The two are told apart when they happen, since a slow peer may be far from the end of what was said.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "platform/fd.h"
#include "proxy/tls_request.h"
#include "shim/srt-tls/openssl.h"

namespace srt::tls {

using Clock = std::chrono::steady_clock;

class Leg {
 public:
  Leg(const proxy::TlsRequest& request, UniqueFd tls, UniqueFd plain, Session session);
  Leg(const Leg&) = delete;
  Leg& operator=(const Leg&) = delete;
  ~Leg();

  // Moves what can be moved now. True: there is more, let others have their turn first.
  bool turn();
  // The plaintext's owner has said all: what is still to be read of it is all there is.
  void plain_half_closed() { said_all_ = true; }
  // The owner has closed it, or both halves of it have ended.
  void plain_hung_up();
  void expire();

  bool over() const { return over_; }
  Clock::time_point deadline() const { return deadline_; }
  // What is to be reported, once.
  std::optional<proxy::TlsReport> take_report();

  int tls_socket() const { return tls_.get(); }
  int plain_socket() const { return plain_.get(); }

 private:
  bool shake();
  bool move_in();
  bool move_out();
  bool write_tls(std::string_view bytes);
  bool finish_out();
  void report(proxy::TlsNews news, std::string reason = {});
  void end(proxy::TlsNews news, std::string reason = {});
  void break_off();

  const uint64_t id_;
  const bool dials_;
  UniqueFd tls_, plain_;
  Session session_;
  std::string to_plain_, to_tls_;
  std::optional<proxy::TlsReport> report_;
  Clock::time_point deadline_;
  bool shaking_ = true, in_done_ = false, out_done_ = false, notified_ = false, hung_up_ = false;
  bool said_all_ = false, reader_gone_ = false, over_ = false;
};

}  // namespace srt::tls
