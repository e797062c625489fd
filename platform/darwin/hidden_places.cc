// Seatbelt judges a name each time it is opened: what takes the place of a hidden file is hidden too.
#include "platform/hidden_places.h"

namespace srt::platform {

HiddenPlaces::HiddenPlaces(const std::vector<std::string>& /*places*/) {}

Result<void> HiddenPlaces::watch() { return {}; }

std::vector<int> HiddenPlaces::descriptors() const { return {}; }

Result<void> HiddenPlaces::cover(const Handle& /*handle*/) { return {}; }

}  // namespace srt::platform
