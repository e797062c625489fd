// Darwin has no name for an open socket file: its folders are looked at, then it is connected to by path.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/unix_connector.h"

namespace srt::proxy {
namespace {

#ifdef O_NOFOLLOW_ANY
constexpr int kNoLinks = O_NOFOLLOW_ANY;
#else
constexpr int kNoLinks = 0x20000000;  // since macOS 11
#endif

// A socket cannot be opened: EOPNOTSUPP says that nothing but it is in the way.
bool has_no_links(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | kNoLinks);
  if (fd >= 0) close(fd);
  if (fd >= 0) errno = ENOTSOCK;
  return fd < 0 && (errno == EOPNOTSUPP || errno == ENXIO);
}

}  // namespace

int connect_without_links(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (!has_no_links(path)) return -1;
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  (void)fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace srt::proxy
