// The system calls that a command under `srt` does not get: a deny list, since a command is whatever a
// developer runs. What lets one reach outside of the namespaces, or the kernel's less trodden parts.
#pragma once

#include <optional>

#include "oci/spec.h"
#include "platform/broker_rules.h"

namespace srt::runtime {

struct CommandSeccomp {
  bool nested_user_namespaces = false;  // allowNestedUserNamespaces: unshare, clone, mount …
  bool unix_sockets = false;            // AF_UNIX may be made, and goes where it likes
  // Calls that srt-broker decides and performs; among them, unless these say otherwise, where unix
  // sockets go.
  std::optional<platform::BrokerRules> broker;
};

oci::Seccomp command_seccomp(const CommandSeccomp& options);

}  // namespace srt::runtime
