// The two ways into a container: as its first process, and as one more.
#pragma once

#include "platform/linux/init/mounts.h"

namespace srt::init {

[[noreturn]] void contain(const Plan& plan);
[[noreturn]] void enter(const Plan& plan);

}  // namespace srt::init
