// Unix stream sockets: in a folder that is open, since sun_path is short and paths of state folders are not;
// those that engines name; pairs towards our children. And the descriptors that go through them.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

Result<UniqueFd> listen_unix_at(int dir, const std::string& name);
Result<UniqueFd> connect_unix_at(int dir, const std::string& name);

// `option` names who asked for it. Longer paths than sun_path holds work too.
Result<UniqueFd> connect_unix(const std::string& path, const char* option);

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair(int type);  // SOCK_STREAM, …

Result<void> send_with_descriptor(int socket, std::string_view bytes, int fd);

struct WithDescriptor {
  std::string bytes;  // one, or none: the end
  UniqueFd fd;        // that came with it, if any
};
Result<WithDescriptor> receive_with_descriptor(int socket);

}  // namespace srt::platform
