#include "platform/compiled_filter.h"

namespace srt::platform {

Result<CompiledFilter> compile_filter(const oci::Seccomp&, oci::SeccompArch) {
  return fail("seccomp", "macOS has no such filters", "compile them on a Linux machine");
}

}  // namespace srt::platform
