#include "proxy/guard.h"

#include <unistd.h>

#include <utility>

#include "proxy/acceptor.h"
#include "proxy/dns_server.h"
#include "proxy/guard_state.h"
#include "proxy/session.h"

namespace srt::proxy {

struct Guard::Impl {
  std::shared_ptr<GuardState> state;
  std::vector<Listener> waiting;  // until start()
  std::vector<SharedAcceptor> acceptors;
  std::vector<SharedUdpSocket> datagram_sockets;

  void listen(const Listener& listener);
  void accept(int fd, Serve session);
};

void Guard::Impl::accept(int fd, Serve session) {
  const SharedAcceptor acceptor = adopt_listener(state->io, fd);
  if (!acceptor) return;
  acceptors.push_back(acceptor);
  net::co_spawn(state->io, accept_connections(state, acceptor, session), net::detached);
}

void Guard::Impl::listen(const Listener& listener) {
  switch (listener.kind) {
    case Listener::Kind::kProxy: accept(listener.fd, serve_on_proxy_port); break;
    case Listener::Kind::kTransparent: accept(listener.fd, serve_captured); break;
    case Listener::Kind::kDnsTcp: accept(listener.fd, serve_dns_tcp); break;
    case Listener::Kind::kDnsUdp: {
      const SharedUdpSocket socket = adopt_udp_socket(state->io, listener.fd);
      if (!socket) break;
      datagram_sockets.push_back(socket);
      net::co_spawn(state->io, serve_dns_udp(state, socket), net::detached);
      break;
    }
  }
}

Guard::Guard(net::io_context& io, std::vector<Listener> listeners, EgressPolicy policy,
             GuardOptions options, Sink sink)
    : impl_(std::make_unique<Impl>()) {
  impl_->state =
      std::make_shared<GuardState>(io, std::move(policy), std::move(options), std::move(sink));
  impl_->waiting = std::move(listeners);
}

Guard::~Guard() {
  error_code ignored;
  for (const Listener& listener : impl_->waiting) close(listener.fd);
  for (const SharedAcceptor& acceptor : impl_->acceptors) acceptor->close(ignored);
  for (const SharedUdpSocket& socket : impl_->datagram_sockets) socket->close(ignored);
  impl_->state->stop();
}

void Guard::start() {
  for (const Listener& listener : std::exchange(impl_->waiting, {})) impl_->listen(listener);
}

void Guard::replace_policy(EgressPolicy policy, int connector) {
  impl_->state->apply(std::move(policy), connector);
}

Guard::Counts Guard::counts() const { return impl_->state->counts; }

}  // namespace srt::proxy
