// How srt-broker gets to where the sandbox is, and what it gives up on the way.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "platform/linux/broker/credentials.h"
#include "platform/linux/broker/serve.h"
#include "platform/linux/namespaces.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "file broker";

// What a name in procfs or a device is can hang on who opens it: /proc/sys/net, the settings of IPC, /dev/net/tun
// and what may be written in a control group are of the opener's namespaces. With ours a caller would have the host's.
constexpr uint64_t kOpeners = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

// Of a process that we have as a pidfd.
Result<pid_t> number_of(int pidfd) {
  SRT_ASSIGN(const std::string info, read_file("/proc/self/fdinfo/" + std::to_string(pidfd)));
  constexpr std::string_view kPid = "\nPid:\t";
  const size_t at = info.find(kPid);
  const long pid =
      at == std::string::npos ? -1 : std::strtol(info.c_str() + at + kPid.size(), nullptr, 10);
  if (pid <= 0) return fail(kLayer, "the container's first process has gone");
  return static_cast<pid_t>(pid);
}

struct Received {
  std::string bytes;
  UniqueFd fd;
};

Result<Received> receive(int socket) {
  Received received;
  std::vector<char> bytes(64 << 10);  // an OCI container process state comes with a listener
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  do {
    size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno(kLayer, "receive");
  received.bytes.assign(bytes.data(), static_cast<size_t>(size));
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    int fd;
    std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
    received.fd.reset(fd);
  }
  return received;
}

Result<void> become(const BrokerConfig& config) {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return fail_errno(kLayer, "keep capabilities");
  const std::vector<gid_t> groups(config.groups.begin(), config.groups.end());
  // A user namespace that an ordinary user made has no say over groups; those stay as they are, and
  // they are the sandbox's too.
  if (setgroups(groups.size(), groups.data()) != 0 && errno != EPERM) {
    return fail_errno(kLayer, "take the sandbox's groups");
  }
  if (setresgid(config.gid, config.gid, config.gid) != 0) {
    return fail_errno(kLayer, "take the sandbox's group");
  }
  if (setresuid(config.uid, config.uid, config.uid) != 0) {
    return fail_errno(kLayer, "take the sandbox's user");
  }
  return {};
}

// What stays is permitted only, and effective around single calls.
Result<void> drop_capabilities(uint64_t kept) {
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct had[2] = {}, keep[2] = {};
  if (syscall(SYS_capget, &header, had) != 0) return fail_errno(kLayer, "read capabilities");
  for (unsigned word = 0; word < 2; ++word) {
    keep[word].permitted = had[word].permitted & static_cast<uint32_t>(kept >> (32 * word));
  }
  if (syscall(SYS_capset, &header, keep) != 0) return fail_errno(kLayer, "drop capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(kLayer, "no_new_privs");
  // Processes of the sandbox have our user: they get nothing of us by /proc or ptrace.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno(kLayer, "become non-dumpable");
  return {};
}

}  // namespace

Result<UniqueFd> open_host_proc() {
  UniqueFd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return fail_errno("/proc", "open");
  return proc;
}

Result<UniqueFd> receive_first_process(int control) {
  SRT_ASSIGN(Received received, receive(control));
  if (received.bytes.empty()) return fail(kLayer, "the runtime ended before the container began");
  if (received.bytes[0] != kBrokerCommit || !received.fd) {
    return fail(kLayer, "the runtime sent something else than the container's first process");
  }
  return std::move(received.fd);
}

Result<UniqueFd> receive_listener(int socket, int first_process) {
  pollfd events[] = {{socket, POLLIN, 0}, {first_process, POLLIN, 0}};
  while (poll(events, 2, -1) < 0) {
    if (errno != EINTR) return fail_errno(kLayer, "wait for the listener");
  }
  if (events[0].revents == 0) return fail(kLayer, "the container ended before its program ran");
  SRT_ASSIGN(Received received, receive(socket));
  if (!received.fd) return fail(kLayer, "the container ended before its program ran");
  return std::move(received.fd);
}

UniqueFd receive_further_listener(int connection) {
  Result<Received> received = receive(connection);
  return received ? std::move(received->fd) : UniqueFd();
}

Result<void> enter_sandbox(int first_process, const BrokerConfig& config) {
  SRT_ASSIGN(const pid_t pid, number_of(first_process));
  SRT_ASSIGN(const uint64_t foreign, foreign_namespaces(pid));
  // One of a namespace that the initial user namespace owns can be joined only before we leave that.
  uint64_t left = 0;
  for (const NamespaceKind& kind : kNamespaces) {
    const uint64_t flag = kind.clone_flag & kOpeners & foreign;
    if (flag != 0 && setns(first_process, static_cast<int>(flag)) != 0) left |= flag;
  }
  left |= foreign & (CLONE_NEWUSER | CLONE_NEWNS);
  if (setns(first_process, static_cast<int>(left)) != 0) {
    return fail_errno(kLayer, "join the sandbox's namespaces");
  }
  SRT_TRY(become(config));
  uint64_t kept = config.reads_all_processes ? uint64_t{1} << CAP_SYS_PTRACE : 0;
  if (config.as_caller) kept |= kFileCapabilities | kChangeCapabilities;
  SRT_TRY(drop_capabilities(kept));
  if (chdir("/") != 0) return fail_errno(kLayer, "chdir /");
  return {};
}

Result<void> note_user(Service& service) {
  const OrErrno<Caller::Status> status = Caller(service.vantage, getpid()).status();
  if (!status) return fail_errno(kLayer, "read its own status", status.error());
  service.user = *status;
  return {};
}

Result<void> note_root(Vantage& vantage) {
  vantage.root.reset(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!vantage.root) return fail_errno("/", "open");
  struct statx info;
  if (statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &info) != 0)
    return fail_errno("/", "statx");
  vantage.own_files.reset(openat(vantage.proc.get(), "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!vantage.own_files) return fail_errno("/proc/self/fd", "open");
  vantage.root_mount = info.stx_mnt_id;
  vantage.root_inode = info.stx_ino;
  return {};
}

}  // namespace srt::platform
