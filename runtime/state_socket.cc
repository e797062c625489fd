#include "runtime/state_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace srt::runtime {
namespace {

Result<sockaddr_un> address_in(int dir, const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(dir) + "/" + name;
  if (path.size() >= sizeof address.sun_path) return fail(path, "is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Result<UniqueFd> listen_in(int dir, const char* name) {
  SRT_ASSIGN(const sockaddr_un address, address_in(dir, name));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), 8) != 0) {
    return fail_errno(name, "listen");
  }
  return fd;
}

Result<UniqueFd> connect_in(int dir, const char* name) {
  SRT_ASSIGN(const sockaddr_un address, address_in(dir, name));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(name, "connect");
  }
  return fd;
}

}  // namespace srt::runtime
