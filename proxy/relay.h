// Moves bytes between the two sockets of a connection, end to end: what the receiver does not take
// stays with the sender.
#pragma once

#include <cstdint>

#include "proxy/connection.h"

namespace srt::proxy {

inline constexpr uint64_t kUntilEnd = UINT64_MAX;

enum class PumpEnd {
  kDone,        // `limit` bytes have moved
  kEndOfFile,   // the sender has closed its half
  kReadFailed,  // reset, deadline, cut
  kMalformed,   // a chunked body that cannot be read
  kWriteFailed,
};

// Moves `limit` bytes, those already read (Connection::from_client, from_upstream) first. Does not
// shut anything down.
Awaitable<PumpEnd> pump(Connection& connection, Direction direction, uint64_t limit = kUntilEnd);

// One direction of a tunnel: pump, then hand the end on: a half-close as shutdown(SHUT_WR), a reset
// to both sides.
Awaitable<void> pump_and_shut(Connection& connection, Direction direction);

// A tunnel, until both directions have ended.
Awaitable<void> relay(Connection& connection);

}  // namespace srt::proxy
