#include "proxy/client_watch.h"

#include <errno.h>
#include <sys/socket.h>

#include <string_view>
#include <utility>

namespace srt::proxy {
namespace {

constexpr auto kMoment = std::chrono::seconds(1);
// The one interim answer that every client knows, those that know no others among them.
constexpr std::string_view kQuestion = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

struct ClientWatch::State : std::enable_shared_from_this<State> {
  explicit State(Connection& watched) : connection(&watched), timer(watched.guard->io) {}

  Connection* connection;  // null: over
  net::steady_timer timer;
  bool waits = false, left = false;
  bool may_ask = true;

  void await_end() {
    waits = true;
    connection->client.async_wait(Socket::wait_read, [self = shared_from_this()](error_code error) {
      if (self->connection != nullptr && !error) self->look();
    });
  }

  void look() {
    char byte = 0;
    const ssize_t size =
        recv(connection->client.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size > 0) return await_reset();  // the next request, which waits its turn
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return await_end();
    if (size < 0) return leave();
    timer.expires_after(kMoment);
    timer.async_wait([self = shared_from_this()](error_code error) {
      if (self->connection != nullptr && !error) self->ask();
    });
  }

  void ask() {
    if (may_ask) {
      const ssize_t size = send(connection->client.native_handle(), kQuestion.data(),
                                kQuestion.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size < 0 && errno != EAGAIN && errno != EINTR) return leave();
    }
    await_reset();
  }

  void await_reset() {
    connection->client.async_wait(Socket::wait_error,
                                  [self = shared_from_this()](error_code error) {
                                    if (self->connection != nullptr && !error) self->leave();
                                  });
  }

  void leave() {
    left = true;
    connection->close();  // which ends whoever waits for the destination, or dials it
  }
};

ClientWatch::ClientWatch(Connection& connection) : state_(std::make_shared<State>(connection)) {}

void ClientWatch::start(bool may_ask) {
  if (state_->connection == nullptr || !state_->connection->client.is_open()) return;
  state_->may_ask = state_->may_ask && may_ask;
  state_->await_end();
}

void ClientWatch::ask_no_more() { state_->may_ask = false; }

void ClientWatch::stop() {
  Connection* connection = std::exchange(state_->connection, nullptr);
  if (connection == nullptr || !state_->waits) return;
  state_->timer.cancel();
  error_code ignored;
  if (connection->client.is_open()) connection->client.cancel(ignored);
}

bool ClientWatch::left() const { return state_->left; }

}  // namespace srt::proxy
