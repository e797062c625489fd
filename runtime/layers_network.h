// The network side of a SandboxPolicy.
#pragma once

#include <vector>

#include "runtime/layer_conflicts.h"
#include "runtime/layers.h"
#include "runtime/sandbox_policy.h"

namespace srt::runtime {

// Fills `network` but for audit, sources, notes and hash.
void merge_network(const std::vector<LayerDocument>& documents, EffectivePolicy& network,
                   LayerConflicts& conflicts);

// allowUnixSockets and permissions' UnixSocket(…).
std::vector<SocketRule> merge_unix_sockets(const Layers& layers, const LayerSources& sources,
                                           LayerConflicts& conflicts);

}  // namespace srt::runtime
