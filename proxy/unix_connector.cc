#include "proxy/unix_connector.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace srt::proxy {
namespace {

// Darwin's messages have no flag for it.
void close_on_exec(int fd) { (void)fcntl(fd, F_SETFD, FD_CLOEXEC); }

// `fd` < 0: none goes along.
bool send_with(int socket, const void* bytes, size_t size, int fd) {
  iovec io{const_cast<void*>(bytes), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent = -1;
  do {
    sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(size);
}

// How much came, and the descriptor that came along, or -1.
ssize_t receive_with(int socket, void* bytes, size_t size, int& fd) {
  fd = -1;
  iovec io{bytes, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = -1;
  do {
    got = recvmsg(socket, &message, 0);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* header = got < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof fd)) {
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    close_on_exec(fd);
  }
  return got;
}

}  // namespace

UnixConnector::UnixConnector(UnixConnector&& other) noexcept
    : channel_(std::exchange(other.channel_, -1)) {}

UnixConnector& UnixConnector::operator=(UnixConnector&& other) noexcept {
  std::swap(channel_, other.channel_);
  return *this;
}

UnixConnector::~UnixConnector() {
  if (channel_ >= 0) close(channel_);
}

int UnixConnector::ask() const {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -1;
  for (const int end : ends) close_on_exec(end);
  const char question = '?';
  const bool asked = send_with(channel_, &question, sizeof question, ends[1]);
  const int error = errno;
  close(ends[1]);
  if (asked) return ends[0];
  close(ends[0]);
  errno = error;
  return -1;
}

int take_connected(int waiting, int& connection) {
  int error = 0;
  const ssize_t got = receive_with(waiting, &error, sizeof error, connection);
  if (got == static_cast<ssize_t>(sizeof error) && (error != 0) == (connection < 0)) return error;
  if (connection >= 0) close(std::exchange(connection, -1));
  return EPIPE;
}

void serve_connects(int channel, const std::string& path) {
  for (;;) {
    char question = 0;
    int asker = -1;
    if (receive_with(channel, &question, sizeof question, asker) <= 0) return;
    if (asker < 0) continue;
    const int connection = connect_without_links(path);
    const int error = connection < 0 ? errno : 0;
    (void)send_with(asker, &error, sizeof error, connection);
    if (connection >= 0) close(connection);
    close(asker);
  }
}

}  // namespace srt::proxy
