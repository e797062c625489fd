// Writing a user namespace's id maps from outside of it. Source: user_namespaces(7), newuidmap(1).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/linux/content.h"

namespace srt::platform {

// As the kernel reads it.
std::string id_map_text(const std::vector<oci::IdMapping>& mappings);

// `pid` has just made the namespace and waits.
Result<void> write_id_maps(const UserNamespacePlan& user, pid_t pid);

}  // namespace srt::platform
