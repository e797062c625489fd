#include "proxy/reach.h"

#include <utility>

namespace srt::proxy {

Awaitable<std::optional<DialFailure>> reach(Connection& connection, bool plain_http) {
  std::optional<DialFailure> failure;
  if (!connection.claim_destination()) {
    failure = DialFailure{DialFailure::Kind::kBusy, "too-many-connections"};
  } else {
    Route route = choose_route(connection.guard->policy, connection.event.way,
                               connection.destination(), plain_http);
    failure = co_await dial(connection, std::move(route), plain_http);
  }
  // The rules may have changed while it connected.
  if (!failure && !connection.judge().allowed) {
    connection.close_upstream();
    failure = DialFailure{DialFailure::Kind::kAddressDenied, "policy-changed"};
  }
  if (!failure) {
    connection.allowed();
  } else if (failure->kind == DialFailure::Kind::kAddressDenied) {
    connection.denied(failure->reason);
  } else {
    connection.failed(failure->reason);
  }
  co_return failure;
}

}  // namespace srt::proxy
