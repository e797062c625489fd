// The profile of one program of a run: its first, and each that `exec` adds.
#pragma once

#include <string>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/host_access.h"
#include "platform/platform.h"

namespace srt::platform::darwin {

struct ProfileRequest {
  const oci::Spec& spec;  // with the program's own /process
  HostAccess host_access;
  const Handle& run;  // its name, the guard's port, its folder for temporary files
  bool egress = false;
  // CreateOptions::state_folder: who could reach the sockets in it would command the runtime.
  std::string state_folder;
};

struct RunProfile {
  std::string text;  // SBPL
  std::vector<std::string> warnings;
};
Result<RunProfile> run_profile(const ProfileRequest& request);

// What `sandbox-exec -p PROFILE PROGRAM` said of a profile that it does not take, or cannot apply; empty: it
// got as far as running PROGRAM. `wait_status` and `output` are those of that command.
std::string profile_complaint(int wait_status, std::string_view output);

}  // namespace srt::platform::darwin
