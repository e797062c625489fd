// Takes requests, and turns the legs that come of them, until the guard closes its end: one thread, one epoll.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>

#include "oci/error.h"
#include "platform/fd.h"
#include "shim/srt-tls/leg.h"
#include "shim/srt-tls/sessions.h"

namespace srt::tls {

class Service {
 public:
  // `guard`: the SOCK_SEQPACKET pair's end, owned by the caller.
  static Result<Service> make(int guard, Sessions sessions);
  // Returns when the guard has gone.
  void run();

 private:
  Service(int guard, Sessions sessions) : guard_(guard), sessions_(std::move(sessions)) {}
  bool take_requests();
  void begin(std::string_view packet, UniqueFd tls, UniqueFd plain);
  void hear(uint64_t number, uint32_t events);
  void turn_those_that_wait();
  void after(Leg& leg);
  bool watch(int socket, uint64_t number);
  void say(const proxy::TlsReport& report) const;
  void sweep();
  int patience() const;

  int guard_;
  Sessions sessions_;
  UniqueFd epoll_;
  std::string packet_;
  // Even numbers: a leg's is that of its TLS socket's events, the next one that of its plaintext's.
  uint64_t next_ = 2;
  std::unordered_map<uint64_t, std::unique_ptr<Leg>> legs_;
  std::deque<uint64_t> waiting_;  // that an event came for, or that had more to do than one turn
  Clock::time_point next_sweep_ = Clock::time_point::max();
};

}  // namespace srt::tls
