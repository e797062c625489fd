#include "runtime/command_environment.h"

#include <algorithm>
#include <cstdlib>

#include "platform/platform.h"
#include "runtime/tls_authority.h"

namespace srt::runtime {
namespace {

void set(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const std::string& entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
  environment.push_back(name + "=" + value);
}

}  // namespace

std::string value_of(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

std::vector<std::string> command_environment(const SandboxPolicy& policy,
                                             std::vector<std::string> environment) {
  std::erase_if(environment, [&](const std::string& entry) {
    const std::string name = entry.substr(0, entry.find('='));
    return std::find(policy.denied_variables.begin(), policy.denied_variables.end(), name) !=
           policy.denied_variables.end();
  });
  set(environment, "SANDBOX_RUNTIME", "1");
  if (policy.tls_authority) set_trust_environment(environment);
  // With `disabled` the host's tree is the command's, its temporary folder and hooks included.
  if (!policy.filesystem.disabled) {
    if (platform::confinement() == platform::Confinement::kOwnTree) {
      set(environment, "TMPDIR", kTmpdir);
    }
    set(environment, "GIT_TEMPLATE_DIR", "");  // `git init` makes no hooks
  }
  // git's own way to say more configuration; `safe.directory` counts only from there or global files.
  const size_t before =
      std::strtoul(value_of(environment, "GIT_CONFIG_COUNT").c_str(), nullptr, 10);
  size_t count = before;
  const auto trust = [&](const std::string& value) {
    const std::string number = std::to_string(count++);
    set(environment, "GIT_CONFIG_KEY_" + number, "safe.directory");
    set(environment, "GIT_CONFIG_VALUE_" + number, value);
  };
  for (std::string directory : policy.git_safe_directories) {
    if (directory.empty()) continue;  // git would forget all that were said before
    directory.resize(std::max<size_t>(directory.find_last_not_of('/') + 1, 1));
    trust(directory);
    trust(directory == "/" ? "/*" : directory + "/*");  // repositories below it: since git 2.46
  }
  if (count > before) set(environment, "GIT_CONFIG_COUNT", std::to_string(count));
  return environment;
}

}  // namespace srt::runtime
