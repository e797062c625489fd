#include "platform/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace srt::platform {

Result<void> send_with_descriptor(int socket, std::string_view bytes, int fd) {
  iovec io{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t n;
  do {
    n = sendmsg(socket, &message, MSG_NOSIGNAL);  // who asked may have gone: no reason to die
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno("socket", "send a descriptor");
  return {};
}

Result<WithDescriptor> receive_with_descriptor(int socket) {
  char byte = 0;
  iovec io{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n;
  do {
    n = recvmsg(socket, &message, 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno("socket", "receive");
  WithDescriptor received;
  received.bytes.assign(&byte, static_cast<size_t>(n));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    received.fd.reset(fd);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);  // Darwin's messages have no flag for it
  }
  return received;
}

}  // namespace srt::platform
