// What srt-broker is started with: one JSON document in a sealed file.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/broker_rules.h"

namespace srt::platform {

struct BrokerConfig {
  // Of the sandbox's processes, as numbers of its user namespace.
  uint32_t uid = 0, gid = 0;
  std::vector<uint32_t> groups;
  uint32_t threads = 2;
  // Nobody inside can change its root or mount namespace (no CAP_SYS_CHROOT, no user namespaces): it
  // need not be looked at for each call.
  bool fixed_root = false;
  // Nor its user and groups (no CAP_SETUID, no_new_privs, nothing set-user-ID before). Else each call
  // of another user than `uid` and `gid` is refused: what is done for it would be done as those.
  bool fixed_user = false;
  // Processes inside may make sandboxes of their own. What has another root or mount namespace than the
  // first process's does its file calls by itself: protected names and patterns do not hold there, the
  // mounts' rules do, since the kernel keeps them together (mount_namespaces(7), locked mounts).
  bool nested_sandboxes = false;
  // Each call is done as its caller, whoever of the sandbox that is (credentials.h). Nobody in it can have
  // a user namespace of its own, in which its capabilities would mean something else.
  bool as_caller = false;
  // Keeps CAP_SYS_PTRACE, for processes that are not dumpable or have capabilities themselves (see
  // PtraceCapability). Where the sandbox has a user namespace of its own it reaches no others.
  bool reads_all_processes = false;
  // linux.resources.devices where a control group holds them, in which the broker is not: it opens no device that
  // they do not let the callers open. None: the kernel judges both alike.
  oci::List<oci::DeviceCgroupRule> devices;
  BrokerRules rules;
};

std::string to_json(const BrokerConfig& config);
Result<BrokerConfig> parse_broker_config(std::string_view json);

}  // namespace srt::platform
