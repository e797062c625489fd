#include "shim/version.h"

#include "oci/version.h"

namespace srt::shim {

std::string version_text() {
  return "srt-runtime version " SRT_VERSION "\nspec: " + std::string(oci::kOciVersionMax) +
         "\ncommit: " SRT_COMMIT "\n";
}

}  // namespace srt::shim
