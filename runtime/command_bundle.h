// A command under `srt` as a bundle in memory: the host's tree with the policy's mounts, namespaces,
// the caller's ids and environment. From here on it is made like any container.
//
//   Command command{.argv = {"npm", "test"}, .cwd = …, .environment = …, .uid = getuid(), …};
//   SRT_ASSIGN(platform::Bundle bundle, command_bundle(policy, command, masking.files, state_folder));
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/broker_config.h"
#include "platform/platform.h"
#include "runtime/masked_credentials.h"
#include "runtime/sandbox_policy.h"
#include "runtime/store.h"

namespace srt::runtime {

struct Command {
  std::vector<std::string> argv;  // a program and its arguments
  std::string cwd;                // absolute, canonical
  std::vector<std::string> environment;
  uint32_t uid = 0, gid = 0;  // the caller's
  uint32_t umask = 0022;
  bool host_root = false;  // uid 0 of the initial user namespace: needs no other one
};

// `files`: what is found inside in their places.
Result<platform::Bundle> command_bundle(const SandboxPolicy& policy, const Command& command,
                                        const std::vector<MaskedFile>& files,
                                        const std::string& state_folder);
// What denyRead hides in it, and the places where something to hide may come to be: those that it names. What
// a pattern matches later is not among them.
std::vector<std::string> hidden_places(const SandboxPolicy& policy, const platform::Bundle& bundle);

// What this bundle mounts out of the state folder.
Result<void> write_command_files(const Entry& entry, const platform::Bundle& bundle,
                                 const std::vector<MaskedFile>& files);

// What srt-broker decides by. Empty: filesystem.disabled, and all unix sockets may be reached.
std::optional<platform::BrokerConfig> command_broker(const SandboxPolicy& policy,
                                                     const Command& command);

}  // namespace srt::runtime
