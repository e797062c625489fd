#include "platform/fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstdio>
#include <string>

namespace srt {

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe", "make");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string name_of_file(int fd) {
  char path[PATH_MAX];
  const ssize_t size =
      ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return size > 0 && path[0] == '/' ? std::string(path, static_cast<size_t>(size)) : std::string();
}

OpenSocket open_socket(int fd) {
  const auto option = [fd](int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  const int domain = option(SO_DOMAIN);
  if (domain < 0) return {};
  sockaddr_storage peer;
  socklen_t size = sizeof peer;
  const bool led = getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
  // A stream of unix sockets stays what it is.
  if (domain == AF_UNIX && option(SO_TYPE) != SOCK_DGRAM && (led || option(SO_ACCEPTCONN) == 1)) {
    return {};
  }
  uint64_t cookie;
  size = sizeof cookie;
  return {true, getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0};
}

bool exchange_at(int dir, const std::string& one, const std::string& other) {
  return renameat2(dir, one.c_str(), dir, other.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace srt
