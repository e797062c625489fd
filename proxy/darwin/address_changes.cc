// Darwin: a routing socket hears of every change, that of an address among them (route(4)).
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/own_addresses.h"

namespace srt::proxy {

int subscribe_to_address_changes() {
  const int fd = socket(PF_ROUTE, SOCK_RAW, AF_UNSPEC);
  if (fd < 0) return -1;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace srt::proxy
