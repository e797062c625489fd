// Which unix sockets of the host a command may connect to: allowUnixSockets, and UnixSocket(…) of
// `permissions`. The user's; a ceiling with network rules has to list them as well, or a folder that they
// lie in, and a project that lists some leaves out all others.
#pragma once

#include <string>
#include <vector>

#include "runtime/layers.h"

namespace srt::runtime {

struct SocketRule {
  std::string path;     // resolved
  std::string spelled;  // absolute, links not followed
  std::string written;
  std::string origin;
  bool operator==(const SocketRule&) const = default;
};

struct UnixSockets {
  std::vector<SocketRule> allowed;
  std::vector<std::string> problems;
  std::vector<std::string> notes;
};

UnixSockets merge_unix_sockets(const LayerSources& sources,
                               const std::vector<PolicyDocument>& documents);

// mitmProxy's socket: "~" is `home` (absolute; empty: there is none). It is looked for once and for all. A link
// on the way that is not the system's own is an error: an earlier command may have made it, and led the
// guard to docker's socket.
Result<void> locate_unix_proxy(proxy::EgressPolicy& policy, const std::string& home);

}  // namespace srt::runtime
