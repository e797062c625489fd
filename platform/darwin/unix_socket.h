// Unix sockets that are named by paths, and descriptors that go through them.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform::darwin {

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair();  // stream

// `option` names who asked for it. Longer paths than sun_path holds work too.
Result<UniqueFd> connect_unix(const std::string& path, const char* option);

Result<void> send_descriptor(int socket, std::string_view bytes, int fd);

}  // namespace srt::platform::darwin
