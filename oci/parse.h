// Text → Spec: read, then checked by the rules that need no host (oci/validate.h).
//
//   SRT_ASSIGN(Spec spec, oci::parse_spec(text, "config.json"));
//
// Every problem of the file is in the Diagnostics, each with its JSON pointer, what was found and
// what was wanted. `file` is only for messages. No system call, no exception, no global state.
#pragma once

#include <string>
#include <string_view>

#include "oci/diagnostics.h"
#include "oci/spec.h"

namespace srt::oci {

// config.json
Checked<Spec> parse_spec(std::string_view json, const std::string& file);
// process.json of `exec --process`: the `process` object on its own
Checked<Process> parse_process(std::string_view json, const std::string& file);
// `update --resources`: the `linux.resources` object on its own
Checked<Resources> parse_resources(std::string_view json, const std::string& file);

}  // namespace srt::oci
