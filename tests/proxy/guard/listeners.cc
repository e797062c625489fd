#include "tests/proxy/guard/listeners.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace srt::proxy::tests {
namespace {

int bound(const Endpoint& place, int type) {
  const bool v4 = place.address.is_v4();
  const int fd = socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int error = 0;
  if (v4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(place.port);
    address.sin_addr.s_addr = htonl(place.address.to_v4());
    error = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(place.port);
    std::memcpy(&address.sin6_addr, place.address.bytes().data(), 16);
    error = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (error == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

int listen_tcp(const Endpoint& place) {
  const int fd = bound(place, SOCK_STREAM);
  if (fd >= 0) listen(fd, 4096);
  return fd;
}

int listen_unix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      listen(fd, SOMAXCONN) == 0) {
    return fd;
  }
  close(fd);
  return -1;
}

int bind_udp(const Endpoint& place) {
  const int fd = bound(place, SOCK_DGRAM);
  if (fd < 0) return -1;
  const int on = 1;
  if (place.address.is_v4()) {
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  } else {
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  }
  return fd;
}

}  // namespace srt::proxy::tests
