// The step that all ways share, between an allowing verdict and the answer to the client.
#pragma once

#include <optional>

#include "proxy/connection.h"
#include "proxy/dialer.h"

namespace srt::proxy {

// Connects to Connection::destination(), whose verdict allows it, and reports what came of it: when
// this returns, the event is written and the answer may be sent. A client that leaves meanwhile ends it;
// `may_ask`: it knows interim answers (client_watch.h).
Awaitable<std::optional<DialFailure>> reach(Connection& connection, bool plain_http,
                                            bool may_ask = false);

// Domain fronting: over a connection to one host that does not pass the proxy of mitmProxy, the client names
// another one (SNI, Host) that must. Many hosts share a front, which would answer for it.
bool evades_unix_proxy(const Connection& connection, const Destination& named);

}  // namespace srt::proxy
