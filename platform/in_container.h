// Work that must see a container's tree as the container does.
//
//   SRT_ASSIGN(std::string bytes, in_container(handle, [] -> Result<std::string> { … }));
//
// Paths of a rootfs are hostile: looked up from outside, a link in it leads into the host's tree. So a
// child enters the container's mount namespace and the user namespace that owns it, where "/" is the container's
// and no path leads anywhere else, does the work and gives back bytes.
#pragma once

#include <functional>
#include <string>

#include "oci/error.h"
#include "platform/platform.h"

namespace srt::platform {

// Forks: the caller must be single-threaded. The child is root of that user namespace, and no process of the container sees it.
Result<std::string> in_container(const Handle& handle,
                                 const std::function<Result<std::string>()>& work);

}  // namespace srt::platform
