#include <unistd.h>

#include <vector>

#include "platform/linux/init/hook.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> list;
  for (const std::string& text : texts) list.push_back(text.c_str());
  list.push_back(nullptr);
  return list;
}

}  // namespace

Result<void> run_hook(const oci::Hook& hook, std::string_view state, const std::string& folder) {
  std::vector<std::string> args = oci::items(hook.args);
  if (args.empty()) args.push_back(hook.path);
  std::vector<const char*> argv = pointers(args), env = pointers(oci::items(hook.env));
  // As runc and crun: a hook that names no environment has the caller's.
  const char* const* envp = hook.env ? env.data() : environ;
  auto timeout = static_cast<uint64_t>(hook.timeout.value_or(0));
  init::HookFailure failure =
      init::run_hook(hook.path.c_str(), argv.data(), envp, state, timeout, folder.c_str());
  if (!failure.failed) return {};
  if (failure.code != 0) return fail_errno("hook " + hook.path, failure.why.view(), failure.code);
  return fail("hook " + hook.path, std::string(failure.why.view()));
}

}  // namespace srt::platform
