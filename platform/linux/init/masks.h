// What of the finished tree is hidden, or kept from being written: linux.maskedPaths and linux.readonlyPaths.
#pragma once

#include "platform/linux/init/mounts.h"

namespace srt::init {

void mask_paths(const Plan& plan, const Trees& trees, int root);
void protect_readonly_paths(const Plan& plan, int root);

}  // namespace srt::init
