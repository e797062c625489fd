// The step that all ways share, between an allowing verdict and the answer to the client.
#pragma once

#include <optional>

#include "proxy/connection.h"
#include "proxy/dialer.h"

namespace srt::proxy {

// Connects to Connection::destination(), whose verdict allows it, and reports what came of it: when
// this returns, the event is written and the answer may be sent.
Awaitable<std::optional<DialFailure>> reach(Connection& connection, bool plain_http);

}  // namespace srt::proxy
