#include "proxy/relay.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "proxy/socket_io.h"
#include "proxy/splice_pipe.h"

namespace srt::proxy {
namespace {

constexpr uint64_t kSpliceAfter = 256 * 1024;  // short exchanges are faster through plain buffers
constexpr size_t kSpliceSize = 1 << 20;
constexpr int kRounds = 16;  // then the other connections have their turn

enum class Step { kMoved, kWait, kEnd, kReadFailed, kWriteFailed, kNoSplice };

// One direction of one connection, for as long as its bytes are moved.
class Flow {
 public:
  Flow(Connection& connection, Direction direction, uint64_t limit)
      : connection_(connection),
        up_(direction == Direction::kUp),
        from_(up_ ? connection.client : connection.upstream),
        to_(up_ ? connection.upstream : connection.client),
        buffered_(up_ ? connection.from_client : connection.from_upstream),
        counter_(up_ ? connection.event.bytes_up : connection.event.bytes_down),
        left_(limit),
        pipe_(connection.guard->pipes) {}

  Awaitable<PumpEnd> run();

 private:
  Awaitable<bool> send_buffered();
  Step copy_once(std::string& unsent);
  Step splice_once(size_t& inside);
  Awaitable<bool> empty_pipe(size_t inside);
  void count(size_t size) {
    moved_ += size;
    counter_ += size;
    left_ -= size;
    connection_.touch();
  }

  Connection& connection_;
  const bool up_;
  Socket& from_;
  Socket& to_;
  std::string& buffered_;
  uint64_t& counter_;
  uint64_t left_;
  uint64_t moved_ = 0;
  bool can_splice_ = true;
  PipeLease pipe_;
};

Awaitable<bool> Flow::send_buffered() {
  const size_t size = static_cast<size_t>(std::min<uint64_t>(buffered_.size(), left_));
  if (size == 0) co_return true;
  const bool sent =
      co_await send_all(connection_, to_, std::string_view(buffered_).substr(0, size));
  if (sent) count(size);
  buffered_.erase(0, size);
  if (buffered_.empty()) buffered_.shrink_to_fit();
  co_return sent;
}

Step Flow::copy_once(std::string& unsent) {
  Scratch& scratch = connection_.guard->scratch;
  const size_t most = static_cast<size_t>(std::min<uint64_t>(scratch.size(), left_));
  const ssize_t got = recv(from_.native_handle(), scratch.data(), most, 0);
  if (got == 0) return Step::kEnd;
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Step::kWait : Step::kReadFailed;
  const size_t size = static_cast<size_t>(got);
  const ssize_t sent = send(to_.native_handle(), scratch.data(), size, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return Step::kWriteFailed;
  unsent.assign(scratch.data() + std::max<ssize_t>(sent, 0),
                size - static_cast<size_t>(std::max<ssize_t>(sent, 0)));
  count(size);
  return Step::kMoved;
}

Step Flow::splice_once(size_t& inside) {
  if (!pipe_.take()) return Step::kNoSplice;
  const size_t most = static_cast<size_t>(std::min<uint64_t>(kSpliceSize, left_));
  const ssize_t got = splice_in(from_.native_handle(), pipe_.pipe(), most);
  if (got > 0) {
    inside = static_cast<size_t>(got);
    return Step::kMoved;
  }
  const int error = errno;
  pipe_.give_back();  // it is empty: an idle flow keeps none
  if (got == 0) return Step::kEnd;
  if (error == EAGAIN || error == EINTR) return Step::kWait;
  return error == EINVAL ? Step::kNoSplice : Step::kReadFailed;
}

Awaitable<bool> Flow::empty_pipe(size_t inside) {
  while (inside > 0) {
    if (!to_.is_open()) co_return false;
    const ssize_t sent = splice_out(pipe_.pipe(), to_.native_handle(), inside);
    if (sent > 0) {
      inside -= static_cast<size_t>(sent);
      count(static_cast<size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) co_return false;
    auto [error] = co_await to_.async_wait(Socket::wait_write, kTuple);
    if (error) co_return false;
  }
  co_return true;
}

Awaitable<PumpEnd> Flow::run() {
  if (!co_await send_buffered()) co_return PumpEnd::kWriteFailed;
  int rounds = 0;
  while (left_ > 0) {
    if (!from_.is_open() || !to_.is_open()) co_return PumpEnd::kReadFailed;
    std::string unsent;
    size_t inside = 0;
    const bool splices = can_splice_ && moved_ >= kSpliceAfter;
    const Step step = splices ? splice_once(inside) : copy_once(unsent);
    switch (step) {
      case Step::kEnd: co_return PumpEnd::kEndOfFile;
      case Step::kReadFailed: co_return PumpEnd::kReadFailed;
      case Step::kWriteFailed: co_return PumpEnd::kWriteFailed;
      case Step::kNoSplice: can_splice_ = false; continue;
      case Step::kMoved:
        if (inside > 0 && !co_await empty_pipe(inside)) co_return PumpEnd::kWriteFailed;
        if (!unsent.empty() && !co_await send_all(connection_, to_, unsent)) {
          co_return PumpEnd::kWriteFailed;
        }
        if (++rounds < kRounds) continue;
        rounds = 0;
        co_await net::post(connection_.guard->io, kTuple);
        continue;
      case Step::kWait: {
        rounds = 0;
        auto [error] = co_await from_.async_wait(Socket::wait_read, kTuple);
        if (error) co_return PumpEnd::kReadFailed;
      }
    }
  }
  pipe_.give_back();
  co_return PumpEnd::kDone;
}

}  // namespace

Awaitable<PumpEnd> pump(Connection& connection, Direction direction, uint64_t limit) {
  Flow flow(connection, direction, limit);
  co_return co_await flow.run();
}

Awaitable<void> pump_and_shut(Connection& connection, Direction direction) {
  Flow flow(connection, direction, kUntilEnd);
  const PumpEnd end = co_await flow.run();
  Socket& to = direction == Direction::kUp ? connection.upstream : connection.client;
  error_code ignored;
  switch (end) {
    case PumpEnd::kDone: break;
    case PumpEnd::kEndOfFile: to.shutdown(Socket::shutdown_send, ignored); break;
    // The receiver is gone. What it sent before is still to be read by the other direction, which
    // then meets the same end.
    case PumpEnd::kWriteFailed: break;
    case PumpEnd::kReadFailed:
    case PumpEnd::kMalformed: connection.reset_client(); break;
  }
}

Awaitable<void> relay(Connection& connection) {
  connection.expect_within(connection.guard->options.idle);
  co_await run_both(connection, pump_and_shut(connection, Direction::kDown),
                    pump_and_shut(connection, Direction::kUp));
}

}  // namespace srt::proxy
