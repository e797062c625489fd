// The hooks that srt-init runs: createContainer and startContainer.
#pragma once

#include <string_view>

#include "platform/linux/init/plan.h"

namespace srt::init {

// In order; ends the process with a report at the first that fails. `folder`: where a hook starts; null:
// where we are. `programs_env`: for hooks that name no environment and run as the program does.
void run_hooks(const ListView<Hook<Viewed>>& hooks, std::string_view kind, std::string_view state,
               const char* folder, const char* const* programs_env);

}  // namespace srt::init
