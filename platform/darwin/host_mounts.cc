#include "platform/host_mounts.h"

namespace srt::platform {

// A path has one name there that a profile sees, and there are no mounts of folders.
std::vector<HostMount> host_mounts() { return {}; }

}  // namespace srt::platform
