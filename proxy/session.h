// One accepted connection, from its first byte to its end.
#pragma once

#include <memory>

#include "proxy/guard_state.h"

namespace srt::proxy {

// `client` has been accepted. Nothing is thrown but for want of memory.
Awaitable<void> serve_on_proxy_port(std::shared_ptr<GuardState> guard, Socket client);
Awaitable<void> serve_captured(std::shared_ptr<GuardState> guard, Socket client);

}  // namespace srt::proxy
