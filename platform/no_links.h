// Opens a path that has been judged as what it was judged: no component is followed that is a symbolic link by now,
// which somebody who may write around it has put there.
#pragma once

#include <string>

#include "platform/fd.h"

namespace srt::platform {

// `flags` of open(2), O_CLOEXEC added. None and errno (ELOOP: a link) where it cannot be opened.
UniqueFd open_no_links(const std::string& path, int flags);

}  // namespace srt::platform
