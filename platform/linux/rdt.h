// Intel RDT: a container's group in the resctrl filesystem.
// Source: config-linux.md "IntelRdt", Documentation/arch/x86/resctrl.rst.
#pragma once

#include <sys/types.h>

#include <string>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::platform {

// Puts `pid` into the group that closID names (the id, where it names none) and writes the schemata.
// The result is the directory if this call made it: it goes with the container; a group that was
// there stays.
Result<std::string> join_rdt_group(const oci::IntelRdt& rdt, const std::string& id, pid_t pid);
void remove_rdt_group(const std::string& directory);

}  // namespace srt::platform
