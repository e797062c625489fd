#include "platform/darwin/run_profile.h"

#include <stdlib.h>
#include <sys/wait.h>

#include <climits>
#include <string_view>
#include <utility>

#include "platform/darwin/sandbox_profile.h"
#include "platform/darwin/spec_mapping.h"

namespace srt::platform::darwin {
namespace {

// Rules name resolved paths.
std::string resolved_or_same(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) != nullptr ? resolved : path;
}

}  // namespace

Result<RunProfile> run_profile(const ProfileRequest& request) {
  SRT_ASSIGN(MappedSpec mapped, map_spec(request.spec, request.host_access, request.egress));
  Access& access = mapped.access;
  access.guard_port = request.run.guard_port;
  access.private_folder = request.run.own_tmpdir;
  access.log_suffix = "srt_" + request.run.run;
  if (!request.state_folder.empty()) {
    access.own_folders = {resolved_or_same(request.state_folder)};
  }
  SRT_ASSIGN(const Profile profile, sandbox_profile(access));
  SRT_ASSIGN(std::string text, print(profile));
  return RunProfile{std::move(text), std::move(mapped.warnings)};
}

std::string profile_complaint(int wait_status, std::string_view output) {
  constexpr std::string_view kName = "sandbox-exec: ";
  constexpr size_t kLongest = 300;
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) return {};
  // Whatever else goes wrong is the program's: one that the rules do not let be run ends by itself, or by
  // the linker's abort, and that is no fault of the profile.
  if (!WIFEXITED(wait_status) || !output.starts_with(kName)) return {};
  output = output.substr(kName.size(), output.find('\n') - kName.size());
  if (output.starts_with("execvp()")) return {};
  return std::string(output.substr(0, kLongest));
}

}  // namespace srt::platform::darwin
