#include "proxy/acceptor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <string_view>
#include <utility>

#include "proxy/http_answer.h"
#include "proxy/socket_address.h"

namespace srt::proxy {
namespace {

constexpr auto kPause = std::chrono::milliseconds(100);

// Over the limit. Whoever speaks HTTP reads why; to all others it is a closed door.
void turn_away(GuardState& guard, Socket& client) {
  AuditEvent event;
  event.kind = EventKind::kDenied;
  event.reason = "too-many-connections";
  guard.report(std::move(event));
  const std::string text =
      print_answer(plain_answer(503, "The sandbox has too many connections."), true, true);
  (void)!send(client.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

SharedAcceptor adopt_listener(net::io_context& io, int fd) {
  auto acceptor = std::make_shared<Tcp::acceptor>(io);
  error_code error = net::error::invalid_argument;
  if (const int family = family_of(fd); family == AF_INET || family == AF_INET6) {
    acceptor->assign(family == AF_INET6 ? Tcp::v6() : Tcp::v4(), fd, error);
  }
  if (error) {
    ::close(fd);
    return nullptr;
  }
  acceptor->native_non_blocking(true, error);
  return acceptor;
}

Awaitable<void> accept_connections(std::shared_ptr<GuardState> guard, SharedAcceptor acceptor,
                                   Serve session) {
  net::steady_timer pause(guard->io);
  while (acceptor->is_open()) {
    Socket client(guard->io);
    auto [error] = co_await acceptor->async_accept(client, kTuple);
    if (!acceptor->is_open()) co_return;
    if (error) {
      // ECONNABORTED and its like are the client's; EMFILE, ENFILE, ENOBUFS and ENOMEM pass with
      // time.
      if (error == net::error::connection_aborted) continue;
      pause.expires_after(kPause);
      co_await pause.async_wait(kTuple);
      continue;
    }
    ++guard->counts.accepted;
    if (guard->connections.size() >= guard->options.max_connections) {
      turn_away(*guard, client);
      continue;
    }
    net::co_spawn(guard->io, session(guard, std::move(client)), [](const std::exception_ptr&) {
      // Want of memory is all that can be thrown; the connection has ended with its frame.
    });
  }
}

}  // namespace srt::proxy
