// Which user namespace the caller is in.
#pragma once

namespace srt::platform {

// Whether /proc/self/uid_map is the identity over all ids. A namespace that someone gave the full
// identity map is taken for the initial one; it has the same files in its reach. Read once.
bool in_initial_user_namespace();

}  // namespace srt::platform
