#include "platform/linux/init/descriptor.h"

#include <sys/socket.h>

#include <cstring>

#include "platform/linux/init/sys.h"

namespace srt::init {

bool send_descriptor(int socket, const void* bytes, size_t size, int fd) {
  iovec io{const_cast<void*>(bytes), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent = sys::retry([&] { return sendmsg(socket, &message, MSG_NOSIGNAL); });
  size_t done = sent < 0 ? 0 : static_cast<size_t>(sent);
  while (sent > 0 && done < size) {  // the descriptor went with the first part
    const char* rest = static_cast<const char*>(bytes) + done;
    sent = sys::retry([&] { return send(socket, rest, size - done, MSG_NOSIGNAL); });
    if (sent > 0) done += static_cast<size_t>(sent);
  }
  return done == size;
}

int receive_descriptor(int socket) {
  char byte;
  iovec io{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = sys::retry([&] { return recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  cmsghdr* header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  int fd = -1;
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS)
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

}  // namespace srt::init
