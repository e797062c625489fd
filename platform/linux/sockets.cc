#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/sys.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

Result<sockaddr_un> address_in(int dir, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = "/proc/self/fd/" + std::to_string(dir) + "/" + name;
  if (path.size() >= sizeof address.sun_path) return fail(path, "is too long");
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Result<UniqueFd> listen_unix_at(int dir, const std::string& name) {
  SRT_ASSIGN(sockaddr_un address, address_in(dir, name));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), 8) != 0) {
    return fail_errno(name, "listen");
  }
  return fd;
}

Result<UniqueFd> connect_unix_at(int dir, const std::string& name) {
  SRT_ASSIGN(sockaddr_un address, address_in(dir, name));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(name, "connect");
  }
  return fd;
}

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair(int type) {
  int fds[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) return fail_errno("socketpair", "");
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<UniqueFd> connect_unix(const std::string& path, const char* option) {
  // By descriptor: sun_path has 108 bytes, engines' state folders can be longer.
  UniqueFd file(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return fail_errno(option, path);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(option, "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string short_path = "/proc/self/fd/" + std::to_string(file.get());
  memcpy(address.sun_path, short_path.c_str(), short_path.size() + 1);
  if (sys::retry([&] {
        return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
      }) != 0) {
    return fail_errno(option, "connect to " + path);
  }
  return fd;
}

}  // namespace srt::platform
