// srt-monitor's end of the sockets to the container's first process and to the runtime.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/egress_socket.h"
#include "platform/linux/init/sys.h"
#include "platform/monitor.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "egress guard";

using Role = ContainerListeners::Role;

Result<Role> role_of(init::EgressRole role) {
  switch (role) {
    case init::EgressRole::kProxy: return Role::kProxy;
    case init::EgressRole::kTransparent: return Role::kTransparent;
    case init::EgressRole::kDnsUdp: return Role::kDnsUdp;
    case init::EgressRole::kDnsTcp: return Role::kDnsTcp;
  }
  return fail(kLayer, "a listener of an unknown kind");
}

struct Received {
  size_t bytes = 0;
  std::vector<UniqueFd> fds;
};

Result<Received> receive(int socket, void* to, size_t size) {
  iovec io{to, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * init::kMostEgressSockets)];
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = sys::retry([&] { return recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (n < 0) return fail_errno(kLayer, "receive");
  Received received;
  received.bytes = static_cast<size_t>(n);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  if (n == 0) return fail(Error{kLayer, "the other side has gone", "", EPIPE});
  return received;
}

}  // namespace

Result<ContainerListeners> receive_listeners(int socket) {
  init::EgressSockets what;
  SRT_ASSIGN(Received received, receive(socket, &what, sizeof what));
  if (received.bytes != sizeof what || what.count != received.fds.size()) {
    return fail(kLayer, "the container's listeners did not come whole",
                "raise the limit of open files");
  }
  ContainerListeners listeners;
  listeners.all_ports = what.all_ports != 0;
  listeners.has_v6 = what.v6 != 0;
  for (uint32_t i = 0; i < what.count; ++i) {
    SRT_ASSIGN(Role role, role_of(what.roles[i]));
    listeners.sockets.push_back({role, std::move(received.fds[i])});
  }
  return listeners;
}

Result<void> release_container(int socket) {
  if (send(socket, "s", 1, MSG_NOSIGNAL) != 1) return fail_errno(kLayer, "release the container");
  return {};
}

Result<UniqueFd> receive_commit(int control) {
  char byte = 0;
  SRT_ASSIGN(Received received, receive(control, &byte, 1));
  if (byte != kMonitorCommit || received.fds.size() != 1) {
    return fail(kLayer, "an unknown message of the runtime");
  }
  return std::move(received.fds[0]);
}

Result<void> enter_dial_namespace(int network_namespace, int resolv_conf) {
  if (setns(network_namespace, CLONE_NEWNET) != 0) {
    return fail_errno(kLayer, "join the network namespace that it dials from");
  }
  if (resolv_conf < 0) return {};
  // The engine's resolver lives in that namespace; libc knows but one place for its address. A descriptor
  // of the old mount namespace is no source for a bind in the new one: the mount is copied before.
  UniqueFd copy(static_cast<int>(syscall(SYS_open_tree, resolv_conf, "",
                                         AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!copy) return fail_errno(kLayer, "copy the bundle's resolv.conf");
  if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return fail_errno(kLayer, "make a mount namespace for resolv.conf");
  }
  if (syscall(SYS_move_mount, copy.get(), "", AT_FDCWD, "/etc/resolv.conf",
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) != 0) {
    return fail_errno(kLayer, "put the bundle's resolv.conf in place");
  }
  return {};
}

}  // namespace srt::platform
