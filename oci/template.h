// Bundles to begin with: what `srt-runtime spec` writes.
#pragma once

#include <cstdint>
#include <string>

#include "oci/spec.h"

namespace srt::oci {

// As `runc spec`: a shell with a terminal in rootfs/, read-only, three capabilities, all namespaces
// but user and time.
Spec default_spec();

// As `runc spec --rootless`: default_spec() in a user namespace where 0 is `uid` and `gid`, with
// the host's network, and without what an ordinary user may not do.
Spec rootless_spec(uint32_t uid, uint32_t gid);

// Host passthrough: the host's own tree, with a policy to start from: read-only, the current
// directory writable, keys and tokens in the home folder hidden, no network, no capability.
struct HostPassthrough {
  std::string cwd;   // absolute; writable inside, and the program's working directory
  uint32_t uid = 0;  // the caller's, on the host
  uint32_t gid = 0;
  std::string home;  // absolute, or empty: where the keys lie that are hidden
};
// Root keeps its user namespace; anybody else is 0 in a new one, which maps that one id.
Spec host_spec(const HostPassthrough& host);

}  // namespace srt::oci
