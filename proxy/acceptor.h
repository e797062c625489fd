// The accept loop of one listener.
#pragma once

#include <memory>

#include "proxy/guard_state.h"
#include "proxy/session.h"

namespace srt::proxy {

// What a listener shares with the guard, which closes it. Several may end before the other does.
using SharedAcceptor = std::shared_ptr<Tcp::acceptor>;

// Null: `fd` (which is owned, and closed then) is no TCP socket.
SharedAcceptor adopt_listener(net::io_context& io, int fd);

// `session` makes what serves an accepted socket. Ends when the acceptor is closed. Want of
// descriptors or memory makes it pause, not end and not spin.
using Serve = Awaitable<void> (*)(std::shared_ptr<GuardState>, Socket);
Awaitable<void> accept_connections(std::shared_ptr<GuardState> guard, SharedAcceptor acceptor,
                                   Serve session);

}  // namespace srt::proxy
