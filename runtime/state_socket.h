// A unix socket in a container's state folder, which nobody but its owner can reach.
#pragma once

#include <string>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::runtime {

inline constexpr char kBrokerSocket[] =
    "broker.sock";  // where `exec` brings srt-broker more to serve

// Stream sockets. `dir` is the state folder's descriptor: its path may be longer than sun_path.
Result<UniqueFd> listen_in(int dir, const char* name);
Result<UniqueFd> connect_in(int dir, const char* name);

}  // namespace srt::runtime
