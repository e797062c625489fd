// Reads and writes of a connection: tried at once, waited for only when the kernel has nothing. No
// buffer is held while waiting, which is what keeps an idle connection small.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "proxy/connection.h"

namespace srt::proxy {

// Non-blocking, no Nagle, and keepalives so that a peer that has vanished is noticed.
void prepare(Socket& socket);

// Appends what is there, at most `limit` bytes, to `into`. 0: end of file. `socket` and `into` are
// the connection's own and outlive the call.
Awaitable<tl::expected<size_t, error_code>> read_some(Connection& connection, Socket& socket,
                                                      std::string& into, size_t limit);

// All of `bytes`, which the caller keeps.
Awaitable<bool> send_all(Connection& connection, Socket& socket, std::string_view bytes);

enum class Speaker { kClient, kUpstream, kNobody };
// Which side has something to say (or has gone) first; kNobody after `time`, or when cancelled.
Awaitable<Speaker> first_to_speak(Connection& connection, std::chrono::milliseconds time);

// Says goodbye so that the last answer arrives: a close with unread bytes would send RST and take
// the answer out of the client's hands.
Awaitable<void> close_gently(Connection& connection);

// Runs both until both have ended. `first` gets its own stack of frames.
Awaitable<void> run_both(Connection& connection, Awaitable<void> first, Awaitable<void> second);

}  // namespace srt::proxy
