// The files of a bundle, from disk.
//
//   SRT_ASSIGN(Spec spec, oci::load_spec("/bundles/web"));
//
// Opening never blocks (a FIFO in place of the file is refused) and never reads more than
// kMaxDocument bytes. Errors say what to do about a file that is not there.
#pragma once

#include <string>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::oci {

// dir/config.json, parsed and checked.
Result<Spec> load_spec(const std::string& dir);
Result<Spec> load_spec_file(const std::string& path);
// The file of `exec --process`.
Result<Process> load_process(const std::string& path);
// The file of `update --resources`.
Result<Resources> load_resources(const std::string& path);

}  // namespace srt::oci
