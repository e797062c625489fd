// A seccomp profile as the kernel loads it, for files that others read. Linux only: elsewhere an error.
#pragma once

#include <string>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::platform {

struct CompiledFilter {
  std::string bytes;    // struct sock_filter, one after the other, little endian
  std::string listing;  // the same to be read
};
// As on a machine of that architecture.
Result<CompiledFilter> compile_filter(const oci::Seccomp& profile, oci::SeccompArch machine);

}  // namespace srt::platform
