// stdin, stdout and stderr, as a caller may have left them.
#pragma once

namespace srt::shim {

// Before the first file is opened: a descriptor 0, 1 or 2 that is closed would be that file, and a
// message, or the container, would write into it. False: there is no /dev/null to put in its place.
bool open_standard_descriptors();

}  // namespace srt::shim
