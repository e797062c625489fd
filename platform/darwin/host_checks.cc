// What doctor and features say of macOS.
#include <sys/sysctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "platform/platform.h"

namespace srt::platform {
namespace {

using Level = HostCheck::Level;

std::string system_version() {
  char version[64] = {};
  size_t size = sizeof version - 1;
  if (sysctlbyname("kern.osproductversion", version, &size, nullptr, 0) != 0) return "";
  return version;
}

HostCheck program(const std::string& path, const std::string& what, bool required) {
  HostCheck check;
  check.what = what;
  check.required = required;
  if (access(path.c_str(), X_OK) == 0) {
    check.found = path;
    return check;
  }
  check.level = required ? Level::kFailure : Level::kWarning;
  check.found = path + " is not there";
  check.mend = "it is part of macOS: update or reinstall that";
  return check;
}

HostCheck version() {
  HostCheck check;
  check.what = "macOS";
  check.found = system_version();
  check.required = true;
  if (std::atoi(check.found.c_str()) >= 13) return check;
  check.level = Level::kFailure;
  check.mend = "13 or later is needed";
  return check;
}

}  // namespace

std::vector<HostCheck> check_host() {
  return {version(), program("/usr/bin/sandbox-exec", "sandbox-exec", true),
          program("/usr/bin/log", "log, which tells what was refused", false)};
}

// No namespace, no capability, no filter: root.path "/" under a Seatbelt profile.
Features features() {
  Features has;
  has.mount_options = {"bind", "rbind", "ro", "rw", "rro", "rrw"};
  return has;
}

}  // namespace srt::platform
