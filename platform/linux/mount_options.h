// The mount options of the runtime-spec, as what the kernel's mount calls take.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec.h"
#include "platform/linux/init/plan.h"

namespace srt::platform {

struct MountOptions {
  bool bind = false, recursive_bind = false, remount = false;
  bool copy_up = false;  // tmpcopyup
  bool idmap = false, recursive_idmap = false;
  uint64_t set = 0, clear = 0;  // MOUNT_ATTR_…
  uint64_t recursive_set = 0, recursive_clear = 0;
  std::vector<init::Propagation> propagation;  // in the order given
  std::vector<std::string> data;               // for the filesystem itself, generic flags included
  bool operator==(const MountOptions&) const = default;
};

// Later options win over earlier ones. What is not in the table is the filesystem's own.
MountOptions parse_mount_options(const std::vector<std::string>& options);

// All names in the table, for `features`.
std::vector<std::string_view> known_mount_options();

}  // namespace srt::platform
