// The guard's side of srt-tls (tls_request.h): a connected socket goes in, its plaintext's socket comes out.
//
//   connection.upstream_tls = co_await tls.begin(connection, connection.upstream, TlsTask::kDial, …);
//   co_await tls.await_ready(connection, connection.upstream_tls);
//   if (!connection.upstream_tls->ready) … connection.upstream_tls->reason
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
  Awaitable<TlsLegPtr> begin(Connection& connection, Socket& socket, TlsTask task, std::string name,
                             std::string bytes, std::chrono::milliseconds patience);
  // Until it is ready or over, or the connection's deadline. The connection keeps the leg.
  Awaitable<void> await_ready(Connection& connection, TlsLegPtr leg);
  // Whether an end that was read from its plaintext is TLS's own. What srt-tls has said by now counts.
  bool was_cut(const TlsLegPtr& leg);

  void close();

 private:
  struct Channel;
  void listen();

  std::shared_ptr<Channel> channel_;
};

}  // namespace srt::proxy
