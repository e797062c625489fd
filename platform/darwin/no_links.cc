#include "platform/no_links.h"

#include <fcntl.h>

namespace srt::platform {

#ifndef O_NOFOLLOW_ANY  // macOS 11
#define O_NOFOLLOW_ANY 0x20000000
#endif

UniqueFd open_no_links(const std::string& path, int flags) {
  return UniqueFd(open(path.c_str(), flags | O_NOFOLLOW_ANY | O_CLOEXEC));
}

}  // namespace srt::platform
