// /dev: device nodes and the links that programs expect beside them.
#pragma once

#include "platform/linux/init/mounts.h"

namespace srt::init {

void make_devices(const Plan& plan, const Trees& trees, int root);
void make_symlinks(const Plan& plan, int root);

}  // namespace srt::init
