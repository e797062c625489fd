// The hooks of config.json that run in the runtime's own namespaces: prestart, createRuntime,
// poststart, poststop. The other two kinds run inside and belong to the platform.
#pragma once

#include <string>
#include <string_view>

#include "oci/error.h"
#include "oci/spec.h"
#include "runtime/log.h"

namespace srt::runtime {

// In order, up to the first that fails. `kind` names the property in errors; `folder`, the bundle, is
// where a hook starts.
Result<void> run_hooks(const oci::List<oci::Hook>& hooks, std::string_view kind,
                       std::string_view state, const std::string& folder);
// All of them; a failure is logged and the next one still runs (runtime-spec "Lifecycle", step 13).
void run_hooks_logged(const oci::List<oci::Hook>& hooks, std::string_view kind,
                      std::string_view state, const std::string& folder, const Log& log);

}  // namespace srt::runtime
