// The process of `exec`: the container's own, changed by what the command line says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::runtime {

struct ExecChanges {
  std::vector<std::string> args;
  std::string cwd;                           // empty: the container's
  std::vector<std::string> env;              // added
  std::string user;                          // "UID[:GID]"; empty: the container's
  std::vector<std::string> additional_gids;  // numbers
  std::vector<std::string> capabilities;     // added; "CAP_NET_RAW" or "net_raw"
  bool terminal = false;
  std::optional<bool> no_new_privileges;
  std::string apparmor_profile;  // empty: the container's
  std::string selinux_label;     // empty: the container's
};

// Errors name the option. Capabilities are added to the bounding, effective and permitted sets and
// never to the inheritable one (CVE-2022-29162).
Result<oci::Process> exec_process(const oci::Spec& spec, const ExecChanges& changes);

}  // namespace srt::runtime
