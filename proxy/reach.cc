#include "proxy/reach.h"

#include <utility>

#include "proxy/client_watch.h"

namespace srt::proxy {

Awaitable<std::optional<DialFailure>> reach(Connection& connection, bool plain_http, bool may_ask) {
  std::optional<DialFailure> failure;
  if (!connection.claim_destination()) {
    failure = DialFailure{DialFailure::Kind::kBusy, "too-many-connections"};
  } else {
    Route route = choose_route(connection.guard->policy, connection.event.way,
                               connection.destination(), plain_http);
    ClientWatch watch(connection);
    watch.start(may_ask);
    failure = co_await dial(connection, std::move(route), plain_http);
    watch.stop();
    if (failure && watch.left()) failure->reason = "client-left";
  }
  // The rules may have changed while it connected: those about names, and those about addresses.
  if (!failure &&
      (!connection.judge().allowed || !connection.address_stays(connection.verdict()))) {
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

bool evades_unix_proxy(const Connection& connection, const Destination& named) {
  const EgressPolicy& policy = connection.guard->policy;
  return takes_unix_proxy(policy, named) && !takes_unix_proxy(policy, connection.destination());
}

}  // namespace srt::proxy
