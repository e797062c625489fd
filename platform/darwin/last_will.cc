#include "platform/last_will.h"

namespace srt::platform {

Result<LastWill> LastWill::make(const std::vector<std::string>&) { return LastWill(); }

}  // namespace srt::platform
