// New instances of filesystems.
#pragma once

#include <string_view>

#include "platform/linux/init/plan.h"

namespace srt::init {

// A new instance, detached. Dies with the kernel's own words where it has some. `attributes` are
// MOUNT_ATTR_…, and hold from the mount's first moment on; `one_more` is given after `data`.
int make_filesystem(std::string_view object, std::string_view type, std::string_view source,
                    const ListView<std::string_view>& data, unsigned attributes,
                    std::string_view one_more = {});

}  // namespace srt::init
