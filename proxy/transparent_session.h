// A connection of a program that knows of no proxy. Where it wanted to go is the address that our
// listener accepted it on; which name that stood for, our DNS remembers.
#pragma once

#include "proxy/connection.h"

namespace srt::proxy {

Awaitable<void> serve_transparent(Connection& connection);

}  // namespace srt::proxy
