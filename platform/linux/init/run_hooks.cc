#include "platform/linux/init/run_hooks.h"

#include "platform/linux/init/hook.h"
#include "platform/linux/init/memory.h"
#include "platform/linux/init/report.h"

namespace srt::init {

void run_hooks(const ListView<Hook<Viewed>>& hooks, std::string_view kind, std::string_view state,
               const char* folder, const char* const* programs_env) {
  uint64_t index = 0;
  for (const Hook<Viewed>& hook : hooks) {
    const char** argv = take_strings(hook.args, 1);
    if (hook.args.empty()) argv[0] = hook.path.data();
    const char* const* env = hook.programs_env ? programs_env : take_strings(hook.env);
    HookFailure failure = run_hook(hook.path.data(), argv, env, state, hook.timeout, folder);
    if (failure.failed) {
      die(Line() << "error running " << kind << " hook #" << index << ": hook " << hook.path,
          failure.why.view(), failure.code);
    }
    ++index;
  }
}

}  // namespace srt::init
