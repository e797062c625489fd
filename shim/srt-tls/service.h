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
  struct Place {  // which of a leg's sockets an event is about
    std::shared_ptr<Leg> leg;
    bool plain = false;
  };
  Service(int guard, Sessions sessions) : guard_(guard), sessions_(std::move(sessions)) {}
  bool take_requests();
  void begin(std::string_view packet, UniqueFd tls, UniqueFd plain);
  void hear(uint64_t place, uint32_t events);
  void turn_those_that_wait();
  void after(Leg& leg);
  bool watch(int socket, uint64_t place);
  void say(const proxy::TlsReport& report) const;
  void sweep();
  int patience() const;

  int guard_;
  Sessions sessions_;
  UniqueFd epoll_;
  std::string packet_;
  uint64_t next_ = 1;
  std::unordered_map<uint64_t, Place> places_;
  std::deque<uint64_t>
      waiting_;  // legs that had more than one turn's worth: the places of their TLS sockets
  Clock::time_point next_sweep_ = Clock::time_point::max();
};

}  // namespace srt::tls
