// One hook: started, fed its state, watched, killed when it takes too long.
//
// Used by srt-init for createContainer and startContainer hooks and by the runtime for the others, so
// it neither allocates nor throws. Source: config.md "POSIX-platform Hooks".
#pragma once

#include <cstdint>
#include <string_view>

#include "platform/linux/init/report.h"

namespace srt::init {

struct HookFailure {
  bool failed = false;
  int code = 0;  // errno, or 0
  Line why;
};

// `argv` and `envp` end with a null pointer; `timeout` in seconds, 0 waits for ever. The hook starts
// in `folder`, where that can be entered; null: where the caller is. What the hook
// prints goes nowhere but, the last line of it, into the failure's text.
HookFailure run_hook(const char* path, const char* const* argv, const char* const* envp,
                     std::string_view state, uint64_t timeout, const char* folder);

}  // namespace srt::init
