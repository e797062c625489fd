// Connections to the one unix socket that mitmProxy names, for a guard that may not make them itself.
//
// The guard reads what an attacker sends. As root it runs under a user id of nobody's, which may connect to
// no socket but those that everybody may; and if it could connect to any, whoever takes it over would
// have docker's. So another process, with the rights of who wrote the policy, connects to one socket, whose
// path it was started with, and hands the connection over. It reads nothing that comes from inside.
//
//   int channel;                                 // one end of a SOCK_STREAM pair
//   UnixConnector connector(channel);            // the guard
//   const int waiting = connector.ask();         // readable when the answer is there
//   const int error = take_connected(waiting, proxy);
//
//   serve_connects(other_end, path);             // the other process, until the guard is gone
//
// A question is a byte and a socket for the answer, which is an errno, and the connection where that is 0.
#pragma once

#include <string>

namespace srt::proxy {

class UnixConnector {
 public:
  explicit UnixConnector(int channel = -1)
      : channel_(channel) {}  // owned; -1: there is nobody to ask
  UnixConnector(UnixConnector&& other) noexcept;
  UnixConnector& operator=(UnixConnector&& other) noexcept;
  ~UnixConnector();

  // Where the answer arrives; the caller closes it. -1: errno says why; EAGAIN: later.
  int ask() const;

 private:
  int channel_;
};

// What came over ask()'s descriptor: 0 and the connection, which is non-blocking and the caller's, or an errno.
// EPIPE: there is nobody who answers any more.
int take_connected(int waiting, int& connection);

void serve_connects(int channel, const std::string& path);

// Non-blocking. -1: errno says why. `path` was found to have no link on the way when the rules were made; one
// that has come since was made to lead the guard to another socket, and to have requests sent there.
int connect_without_links(const std::string& path);

}  // namespace srt::proxy
