// Unix sockets of the runtime: pairs towards its children, and the sockets that engines name.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair(int type);

// A stream connection; `option` names who asked for it. Longer paths than sun_path holds work too.
Result<UniqueFd> connect_unix(const std::string& path, const char* option);

Result<void> send_with_descriptor(int socket, std::string_view bytes, int fd);

}  // namespace srt::platform
