#include "runtime/hooks.h"

#include "platform/platform.h"

namespace srt::runtime {
namespace {

Result<void> run_one(const oci::Hook& hook, std::string_view kind, size_t index,
                     std::string_view state, const std::string& folder) {
  Result<void> done = platform::run_hook(hook, state, folder);
  if (done) return done;
  Error error = done.error();
  error.object = "error running " + std::string(kind) + " hook #" + std::to_string(index) +
                 (error.object.empty() ? "" : ": " + error.object);
  return fail(std::move(error));
}

}  // namespace

const oci::Hooks& hooks_of(const oci::Spec& spec) {
  static const oci::Hooks none;
  return spec.hooks ? *spec.hooks : none;
}

bool any_create_hook(const oci::Spec& spec) {
  const oci::Hooks& hooks = hooks_of(spec);
  return any(hooks.prestart) || any(hooks.create_runtime) || any(hooks.create_container);
}

Result<void> run_hooks(const oci::List<oci::Hook>& hooks, std::string_view kind,
                       std::string_view state, const std::string& folder) {
  for (size_t i = 0; i < oci::items(hooks).size(); ++i) {
    SRT_TRY(run_one(oci::items(hooks)[i], kind, i, state, folder));
  }
  return {};
}

void run_hooks_logged(const oci::List<oci::Hook>& hooks, std::string_view kind,
                      std::string_view state, const std::string& folder, const Log& log) {
  for (size_t i = 0; i < oci::items(hooks).size(); ++i) {
    Result<void> done = run_one(oci::items(hooks)[i], kind, i, state, folder);
    if (!done) log.warn(to_string(done.error()));
  }
}

void run_poststop(const Entry& entry, const Record& record, const Log& log) {
  if (!record.poststop_hooks) return;
  Result<oci::Spec> spec = entry.load_spec();
  if (!spec) return log.warn("poststop hooks were not run: " + to_string(spec.error()));
  run_hooks_logged(hooks_of(*spec).poststop, "poststop", state_for_hooks(record, Status::kStopped),
                   record.bundle, log);
}

}  // namespace srt::runtime
