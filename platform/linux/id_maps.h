// Writing a user namespace's id maps from outside of it. Source: user_namespaces(7), newuidmap(1).
#pragma once

#include <sys/types.h>

#include "oci/error.h"
#include "platform/linux/content.h"

namespace srt::platform {

// `pid` has just made the namespace and waits.
Result<void> write_id_maps(const UserNamespacePlan& user, pid_t pid);

}  // namespace srt::platform
