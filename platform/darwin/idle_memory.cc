#include "platform/idle_memory.h"

#include <malloc/malloc.h>

namespace srt::platform {

// The system takes clean pages of files by itself.
void release_idle_memory() { (void)malloc_zone_pressure_relief(nullptr, 0); }

}  // namespace srt::platform
