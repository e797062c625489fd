// From a verdict to a connected socket. The address guard judges the very addresses that are
// dialled: there is one lookup, and no second one whose answer could differ (DNS rebinding).
#pragma once

#include <optional>
#include <string>

#include "proxy/connection.h"
#include "proxy/route.h"

namespace srt::proxy {

struct DialFailure {
  enum class Kind {
    kAddressDenied,  // by the address guard: a denial, not a failure
    kNoSuchName,
    kUnreachable,
    kRefused,
    kTimedOut,
    kParentProxy,  // or mitmProxy's
    kBusy,
  };
  Kind kind = Kind::kUnreachable;
  std::string reason;  // for the audit; never has an address that the client did not name
};

// For Connection::destination(), which must be allowed. Afterwards `upstream` is connected, through
// the parent proxy's tunnel where the route has one. An HTTP proxy's plain requests are not
// tunnelled: the caller writes them in absolute form.
Awaitable<std::optional<DialFailure>> dial(Connection& connection, Route route, bool plain_http);

}  // namespace srt::proxy
