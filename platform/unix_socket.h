// Unix stream sockets in a folder that is open: sun_path is short, paths of state folders are not.
#pragma once

#include <string>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

Result<UniqueFd> listen_unix_at(int dir, const std::string& name);
Result<UniqueFd> connect_unix_at(int dir, const std::string& name);

}  // namespace srt::platform
