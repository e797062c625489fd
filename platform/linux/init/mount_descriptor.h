// Mounts and places that are known by a descriptor, never by a path that somebody could lead elsewhere.
#pragma once

#include <cstdint>

#include "platform/linux/init/sys.h"

namespace srt::init {

// Of move_mount(2): both ends are descriptors.
inline constexpr unsigned kOnDescriptors = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

// mount_setattr(2): MOUNT_ATTR_…, and MS_PRIVATE or its like; `flags` may be AT_RECURSIVE. False, with errno: not done.
bool set_attributes(int mount, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation);

bool is_directory(int fd);
// The same place of the same mount.
bool is_same(int one, int other);

}  // namespace srt::init
