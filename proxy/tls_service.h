// The guard's side of srt-tls (tls_request.h): a connected socket goes in, its plaintext's socket comes out.
//
//   connection.upstream_tls = tls.begin(connection.upstream, TlsTask::kDial, name, bytes, patience);
//   TlsOutcome outcome = co_await tls.await_ready(connection, *connection.upstream_tls);
//
// Where there is no srt-tls, or none any more, nothing becomes ready: what was to be opened never passes unopened.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include <boost/asio/local/stream_protocol.hpp>

#include "proxy/asio.h"
#include "proxy/tls_request.h"

namespace srt::proxy {

class Connection;

struct TlsLeg {
  bool ready = false, over = false, cut = false, untrusted = false;
  std::string reason;
  std::weak_ptr<net::steady_timer> waiting;
};
using TlsLegPtr = std::shared_ptr<TlsLeg>;

class TlsService {
 public:
  TlsService(net::io_context& io, int socket);
  TlsService(const TlsService&) = delete;
  TlsService& operator=(const TlsService&) = delete;
  ~TlsService();

  // `socket` is another one from here on, whatever comes of it.
  TlsLegPtr begin(Socket& socket, TlsTask task, const std::string& name, std::string bytes,
                  std::chrono::milliseconds patience);
  // Until it is ready or over, or the connection's deadline. The connection keeps the leg.
  Awaitable<void> await_ready(Connection& connection, TlsLegPtr leg);
  // Whether an end that was read from its plaintext is TLS's own. What srt-tls has said by now counts.
  bool was_cut(const TlsLegPtr& leg);

  void close();

 private:
  struct Channel;
  void hear();
  void listen();

  net::io_context& io_;
  std::shared_ptr<Channel> channel_;
};

}  // namespace srt::proxy
