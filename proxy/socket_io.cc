#include "proxy/socket_io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace srt::proxy {
namespace {

error_code last_error() { return {errno, boost::system::system_category()}; }

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

void prepare(Socket& socket) {
  error_code ignored;
  socket.native_non_blocking(true, ignored);
  socket.set_option(Tcp::no_delay(true), ignored);
  socket.set_option(net::socket_base::keep_alive(true), ignored);
  // The defaults would notice a peer that is gone after two hours.
  constexpr int kIdleSeconds = 120, kIntervalSeconds = 30, kProbes = 4;
  const int fd = socket.native_handle();
#ifdef TCP_KEEPIDLE
  constexpr int kIdle = TCP_KEEPIDLE;
#else
  constexpr int kIdle = TCP_KEEPALIVE;  // Darwin's name
#endif
  setsockopt(fd, IPPROTO_TCP, kIdle, &kIdleSeconds, sizeof kIdleSeconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kIntervalSeconds, sizeof kIntervalSeconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
}

Awaitable<tl::expected<size_t, error_code>> read_some(Connection& connection, Socket& socket,
                                                      std::string& into, size_t limit) {
  while (true) {
    if (!socket.is_open()) co_return tl::unexpected(error_code(net::error::operation_aborted));
    Scratch& scratch = connection.guard->scratch;
    const ssize_t size =
        recv(socket.native_handle(), scratch.data(), std::min(limit, scratch.size()), 0);
    if (size >= 0) {
      into.append(scratch.data(), static_cast<size_t>(size));
      co_return static_cast<size_t>(size);
    }
    if (errno == EINTR) continue;
    if (!would_block(errno)) co_return tl::unexpected(last_error());
    auto [error] = co_await socket.async_wait(Socket::wait_read, kTuple);
    if (error) co_return tl::unexpected(error);
  }
}

Awaitable<bool> send_all(Connection& connection, Socket& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    if (!socket.is_open()) co_return false;
    const ssize_t size = send(socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size > 0) {
      bytes.remove_prefix(static_cast<size_t>(size));
      connection.touch();
      continue;
    }
    if (errno == EINTR) continue;
    if (!would_block(errno)) co_return false;
    auto [error] = co_await socket.async_wait(Socket::wait_write, kTuple);
    if (error) co_return false;
  }
  co_return true;
}

Awaitable<Speaker> first_to_speak(Connection& connection, std::chrono::milliseconds time) {
  struct Race {
    Speaker first = Speaker::kNobody;
    int waiting = 2;
  };
  const auto race = std::make_shared<Race>();
  const auto timer = connection.waker();
  timer->expires_after(time);
  const auto hear = [race, timer](Speaker who) {
    return [race, timer, who](error_code error) {
      if (!error && race->first == Speaker::kNobody) race->first = who;
      --race->waiting;
      timer->cancel();
    };
  };
  connection.client.async_wait(Socket::wait_read, hear(Speaker::kClient));
  connection.upstream.async_wait(Socket::wait_read, hear(Speaker::kUpstream));
  co_await timer->async_wait(kTuple);
  error_code ignored;
  if (connection.client.is_open()) connection.client.cancel(ignored);
  if (connection.upstream.is_open()) connection.upstream.cancel(ignored);
  // Both waits must be over before anyone else waits on, or cancels, these sockets.
  while (race->waiting > 0) {
    timer->expires_at(Clock::time_point::max());
    co_await timer->async_wait(kTuple);
  }
  co_return race->first;
}

Awaitable<void> close_gently(Connection& connection) {
  constexpr auto kPatience = std::chrono::seconds(2);
  constexpr size_t kMost = 16 << 20;
  connection.close_upstream();
  error_code error;
  if (connection.client.is_open()) connection.client.shutdown(Socket::shutdown_send, error);
  connection.expect_within(kPatience);
  std::string nothing;
  size_t seen = 0;
  while (!error && seen < kMost && !connection.expired()) {
    nothing.clear();
    const auto got = co_await read_some(connection, connection.client, nothing, SIZE_MAX);
    if (!got || *got == 0) break;
    seen += *got;
  }
  connection.close();
}

Awaitable<void> run_both(Connection& connection, Awaitable<void> first, Awaitable<void> second) {
  struct Join {
    explicit Join(net::io_context& io) : timer(io, Clock::time_point::max()) {}
    net::steady_timer timer;
    bool done = false;
  };
  const auto join = std::make_shared<Join>(connection.guard->io);
  net::co_spawn(connection.guard->io, std::move(first),
                [join, &connection](const std::exception_ptr& failure) {
                  // Memory ran out: the other half ends with the sockets, and is still there to be
                  // told.
                  if (failure) connection.close();
                  join->done = true;
                  join->timer.cancel();
                });
  try {
    co_await std::move(second);
  } catch (const std::exception&) {
    connection.close();
  }
  while (!join->done) co_await join->timer.async_wait(kTuple);
}

}  // namespace srt::proxy
