// Notices that the client has left while its destination is dialled, or owes the answer to a request. The
// connection is then closed at once rather than at the deadline: whoever sends requests and runs away must
// not hold a server, and our descriptors, for minutes.
//
// A closed connection and a closed half look alike from here: FIN. A client that closed its half alone
// (nc -N, socat) still waits, so it is asked after a moment: by an interim answer, which means nothing
// to whoever is there (RFC 9110 §15.2), and which the kernel answers by a reset where nobody is. Who knows no
// interim answers (HTTP/1.0, SOCKS, a CONNECT, what was caught) is not asked: there only a reset counts.
#pragma once

#include <memory>

#include "proxy/connection.h"

namespace srt::proxy {

class ClientWatch {
 public:
  explicit ClientWatch(Connection& connection);
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() { stop(); }

  // From when nobody reads from the client any more, because its request is complete.
  void start(bool may_ask);
  // From when something else is written to the client.
  void ask_no_more();
  // Cancels what waits on the client's socket: only where nothing else does.
  void stop();
  bool left() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace srt::proxy
