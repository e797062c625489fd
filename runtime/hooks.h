// The hooks of config.json that run in the runtime's own namespaces: prestart, createRuntime,
// poststart, poststop. The other two kinds run inside and belong to the platform.
#pragma once

#include <string>
#include <string_view>

#include "oci/error.h"
#include "oci/spec.h"
#include "runtime/log.h"
#include "runtime/record.h"
#include "runtime/store.h"

namespace srt::runtime {

inline bool any(const oci::List<oci::Hook>& hooks) { return !oci::items(hooks).empty(); }
const oci::Hooks& hooks_of(const oci::Spec& spec);
bool any_create_hook(const oci::Spec& spec);  // of the three kinds that `create` waits for

// In order, up to the first that fails. `kind` names the property in errors; `folder`, the bundle, is
// where a hook starts.
Result<void> run_hooks(const oci::List<oci::Hook>& hooks, std::string_view kind,
                       std::string_view state, const std::string& folder);
// All of them; a failure is logged and the next one still runs (runtime-spec "Lifecycle", step 13).
void run_hooks_logged(const oci::List<oci::Hook>& hooks, std::string_view kind,
                      std::string_view state, const std::string& folder, const Log& log);

// The poststop hooks, from the copy of config.json; what is wrong with that is only logged, since
// the container must go all the same.
void run_poststop(const Entry& entry, const Record& record, const Log& log);

}  // namespace srt::runtime
