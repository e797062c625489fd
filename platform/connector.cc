#include <sys/socket.h>

#include <cerrno>

#include "platform/monitor.h"
#include "platform/sidecar.h"
#include "platform/unix_socket.h"

namespace srt::platform {

Result<UniqueFd> start_connector(const std::string& container, const std::string& path) {
  SRT_ASSIGN(auto channel, make_socket_pair(SOCK_STREAM));
  SRT_ASSIGN(Sidecar process, Sidecar::spawn("srt-monitor", {container, kConnectorMode, path},
                                             {channel.second.get()}));
  channel.second.reset();
  char ready = 0;
  ssize_t n;
  do {
    n = recv(channel.first.get(), &ready, 1, 0);
  } while (n < 0 && errno == EINTR);
  if (n != 1 || ready != kConnectorReady) {
    return fail("mitmProxy", "the process that connects to " + path + " ended before it was ready",
                "reinstall srt-runtime");
  }
  process.commit();
  return std::move(channel.first);
}

}  // namespace srt::platform
