#include "runtime/policy_scope.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "runtime/settings_permissions.h"

namespace srt::runtime {
namespace {

class Keys {
 public:
  void add(bool present, std::string_view key) {
    if (present) names_.emplace_back(key);
  }
  std::vector<std::string> take() && { return std::move(names_); }

 private:
  std::vector<std::string> names_;
};

bool names_sockets(const std::optional<std::vector<std::string>>& permissions) {
  if (!permissions) return false;
  return std::any_of(permissions->begin(), permissions->end(), [](const std::string& text) {
    const auto permission = parse_permission(text);
    return permission && permission->kind == Permission::Kind::kUnixSocket;
  });
}

bool masks_a_file(const Settings& settings) {
  if (!settings.credentials || !settings.credentials->files) return false;
  return std::any_of(settings.credentials->files->begin(), settings.credentials->files->end(),
                     [](const Credential& file) { return file.mode == CredentialMode::kMask; });
}

}  // namespace

std::vector<std::string> unenforced_keys(const Settings& settings) {
  Keys keys;
  keys.add(settings.ignore_violations.has_value(), "ignoreViolations");
  keys.add(settings.credentials && settings.credentials->env_vars &&
               !settings.credentials->env_vars->empty(),
           "credentials/envVars");
  keys.add(masks_a_file(settings), "credentials/files: mask");
  keys.add(settings.bwrap_path.has_value(), "bwrapPath");
  keys.add(settings.git.has_value(), "git");
  keys.add(settings.docker.has_value(), "docker");
  keys.add(settings.resources.has_value(), "resources");
  keys.add(settings.network && settings.network->tls_terminate, "network/tlsTerminate");
  if (settings.permissions) {
    keys.add(names_sockets(settings.permissions->allow), "permissions/allow: UnixSocket");
  }
  return std::move(keys).take();
}

std::vector<std::string> ineffective_keys(const Settings& settings) {
  Keys keys;
  keys.add(settings.enable_weaker_nested_sandbox == true, "enableWeakerNestedSandbox");
  keys.add(settings.allow_nested_user_namespaces == true, "allowNestedUserNamespaces");
  keys.add(settings.enable_weaker_network_isolation == true, "enableWeakerNetworkIsolation");
  keys.add(settings.allow_apple_events == true, "allowAppleEvents");
  keys.add(settings.ripgrep.has_value(), "ripgrep");
  keys.add(settings.mandatory_deny_search_depth.has_value(), "mandatoryDenySearchDepth");
  keys.add(settings.allow_pty.has_value(), "allowPty");
  keys.add(settings.seccomp.has_value(), "seccomp");
  keys.add(settings.socat_path.has_value(), "socatPath");
  keys.add(settings.java_agent_jar_path.has_value(), "javaAgentJarPath");
  keys.add(settings.windows.has_value(), "windows");
  if (!settings.network) return std::move(keys).take();
  const NetworkSettings& network = *settings.network;
  keys.add(network.allow_unix_sockets.has_value(), "network/allowUnixSockets");
  keys.add(network.allow_all_unix_sockets == true, "network/allowAllUnixSockets");
  keys.add(network.allow_local_binding.has_value(), "network/allowLocalBinding");
  keys.add(network.allow_mach_lookup.has_value(), "network/allowMachLookup");
  return std::move(keys).take();
}

}  // namespace srt::runtime
