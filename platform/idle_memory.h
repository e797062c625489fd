// For a process that has done its work and now waits, perhaps for days: the memory that the work needed.
//
//   if (nothing happened for kUntilIdle) release_idle_memory();
//
// What was freed goes back to the system, and pages of the program's own file are forgotten, to be read again from
// the cache where they are needed again. Never fails: what cannot be given back stays.
#pragma once

#include <chrono>

namespace srt::platform {

// A process that ends sooner is not worth the trouble.
inline constexpr std::chrono::milliseconds kUntilIdle(10);

void release_idle_memory();

}  // namespace srt::platform
