// What `srt-runtime update` says to a running monitor: one JSON document, answered by one line.
//
// The socket lies in the container's state folder, which only its owner can enter. A document is the
// whole effective policy (runtime/policy.h, secrets shown); the answer is "ok\n" or "error: why\n". With its
// first byte comes the channel of a connector (platform/monitor.h), where mitmProxy names another socket than before.
#pragma once

#include <functional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::monitor {

using ReplacePolicy = std::function<Result<void>(const std::string& json, UniqueFd connector)>;

// Serves `listener` (owned from here on) for as long as `io` runs.
void serve_commands(boost::asio::io_context& io, int listener, ReplacePolicy replace);

}  // namespace srt::monitor
