// sendto(2) with an address, sendmsg(2) and sendmmsg(2): a datagram can carry a unix address of its own.
//
// Whether a socket is a unix datagram one stands in no argument, and another thread can put one under the
// same number once we have looked: so what these calls send is read once and sent here, whatever the
// socket is, on the caller's own open socket.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>

#include "platform/linux/broker/service.h"

namespace srt::platform {
namespace {

// More than a datagram of unix sockets can have (net.core.wmem_max as it comes); a stream takes a part.
constexpr size_t kMostBytes = 256 << 10;
constexpr size_t kMostParts = 1024;  // UIO_MAXIOV
constexpr size_t kMostControl = 16 << 10;
constexpr unsigned kMostMessages = 64;  // of one sendmmsg(2): it may send fewer than it was given
constexpr int kMostApart = 128;
constexpr size_t kPathAt = offsetof(sockaddr_un, sun_path);

int option_of(int socket, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

// One message, read out of the caller.
struct CallInService::Message {
  std::string address, bytes, control;
  std::vector<UniqueFd> handed_over;  // of `control`
  UniqueFd target;                    // what `address` leads to
  int working_directory = -1;         // where its path begins
  bool whole = true;                  // false: more was to be sent than we read

  ssize_t send(int socket, int flags) const {
    if (working_directory >= 0 && fchdir(working_directory) != 0) return -1;
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr header{};
    header.msg_name = address.empty() ? nullptr : const_cast<char*>(address.data());
    header.msg_namelen = static_cast<socklen_t>(address.size());
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.empty() ? nullptr : const_cast<char*>(control.data());
    header.msg_controllen = control.size();
    ssize_t sent;
    do {
      sent = sendmsg(socket, &header, flags | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    const int code = errno;
    if (working_directory >= 0) (void)chdir("/");
    errno = code;
    return sent;
  }
};

OrErrno<void> CallInService::read_parts(uint64_t at, size_t count, Message& message) const {
  if (count > kMostParts) return failed(EMSGSIZE);
  const OrErrno<std::string> text = caller_.bytes(at, count * sizeof(iovec));
  if (!text) return failed(text.error());
  for (size_t i = 0; i < count; ++i) {
    iovec part;
    std::memcpy(&part, text->data() + i * sizeof part, sizeof part);
    const size_t size = std::min(part.iov_len, kMostBytes - message.bytes.size());
    if (size < part.iov_len) message.whole = false;
    const OrErrno<std::string> bytes =
        caller_.bytes(reinterpret_cast<uint64_t>(part.iov_base), size);
    if (!bytes) return failed(bytes.error());
    message.bytes += *bytes;
  }
  return {};
}

// Descriptors that are handed over are the caller's, and not ours of the same number. Who it is, the
// kernel does not let us say for somebody else: that part is left out.
OrErrno<void> CallInService::read_control(uint64_t at, size_t size, Message& message) const {
  if (size > kMostControl) return failed(ENOBUFS);
  const OrErrno<std::string> text = caller_.bytes(at, size);
  if (!text) return failed(text.error());
  for (size_t offset = 0; offset + sizeof(cmsghdr) <= text->size();) {
    cmsghdr header;
    std::memcpy(&header, text->data() + offset, sizeof header);
    if (header.cmsg_len < sizeof header || header.cmsg_len > text->size() - offset) {
      return failed(EINVAL);
    }
    std::string one = text->substr(offset, header.cmsg_len);
    offset += CMSG_ALIGN(header.cmsg_len);
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_CREDENTIALS) continue;
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS) {
      for (size_t fd_at = CMSG_LEN(0); fd_at + sizeof(int) <= one.size(); fd_at += sizeof(int)) {
        int fd;
        std::memcpy(&fd, one.data() + fd_at, sizeof fd);
        OrErrno<UniqueFd> copy = caller_.duplicate(fd);
        if (!copy) return failed(copy.error());
        fd = copy->get();
        std::memcpy(one.data() + fd_at, &fd, sizeof fd);
        message.handed_over.push_back(std::move(*copy));
      }
    }
    one.resize(CMSG_ALIGN(one.size()), '\0');
    message.control += one;
  }
  return {};
}

// As connect(2) of that address would be; then the address is what was judged.
OrErrno<void> CallInService::judge_address(int socket, Message& message) {
  sa_family_t family = AF_UNSPEC;
  if (message.address.empty()) return {};
  if (OrErrno<void> may = may_name(socket, "connect"); !may) return may;
  if (message.address.size() >= sizeof family) {
    std::memcpy(&family, message.address.data(), sizeof family);
  }
  if (family != AF_UNIX || option_of(socket, SO_DOMAIN) != AF_UNIX) return {};
  if (option_of(socket, SO_TYPE) != SOCK_DGRAM) return {};  // the kernel takes no address there
  const std::string path =
      message.address.size() > kPathAt ? std::string(message.address.c_str() + kPathAt) : "";
  if (path.empty()) {
    if (message.address.size() <= kPathAt || service_.rules.abstract_sockets) return {};
    (void)refused({"connect", "@" + message.address.substr(kPathAt + 1), "unix socket", 0, {}, {}});
    return failed(ECONNREFUSED);
  }
  OrErrno<Reached> reached = reach(path);
  if (!reached) return failed(reached.error());
  message.address = std::move(reached->address);
  message.target = std::move(reached->target);
  message.working_directory = service_.vantage.proc.get();
  return {};
}

OrErrno<CallInService::Message> CallInService::read_message(int socket, uint64_t at) {
  const OrErrno<std::string> text = caller_.bytes(at, sizeof(msghdr));
  if (!text) return failed(text.error());
  msghdr header;
  std::memcpy(&header, text->data(), sizeof header);
  Message message;
  if (header.msg_name != nullptr && header.msg_namelen > 0) {
    const size_t size = std::min<size_t>(header.msg_namelen, sizeof(sockaddr_storage));
    OrErrno<std::string> address = caller_.bytes(reinterpret_cast<uint64_t>(header.msg_name), size);
    if (!address) return failed(address.error());
    message.address = std::move(*address);
  }
  OrErrno<void> read =
      read_parts(reinterpret_cast<uint64_t>(header.msg_iov), header.msg_iovlen, message);
  if (!read) return failed(read.error());
  if (header.msg_control != nullptr) {
    read = read_control(reinterpret_cast<uint64_t>(header.msg_control), header.msg_controllen,
                        message);
    if (!read) return failed(read.error());
  }
  if (OrErrno<void> judged = judge_address(socket, message); !judged) {
    return failed(judged.error());
  }
  return message;
}

CallInService::Answer CallInService::send_to(const Call& call) {
  OrErrno<UniqueFd> socket = caller_.duplicate(call.socket);
  if (!socket) return error(socket.error());
  if (call.address_size > sizeof(sockaddr_storage)) return error(EINVAL);
  Message message;
  OrErrno<std::string> address = caller_.bytes(call.address, call.address_size);
  if (!address) return error(address.error());
  message.address = std::move(*address);
  const size_t size = std::min<size_t>(call.size, kMostBytes);
  message.whole = size == call.size;
  OrErrno<std::string> bytes = caller_.bytes(call.data, size);
  if (!bytes) return error(bytes.error());
  message.bytes = std::move(*bytes);
  if (OrErrno<void> judged = judge_address(socket->get(), message); !judged) {
    return error(judged.error());
  }
  return send(std::move(*socket), std::move(message), static_cast<int>(call.flags), 0);
}

CallInService::Answer CallInService::send_message(const Call& call) {
  OrErrno<UniqueFd> socket = caller_.duplicate(call.socket);
  if (!socket) return error(socket.error());
  OrErrno<Message> message = read_message(socket->get(), call.data);
  if (!message) return error(message.error());
  return send(std::move(*socket), std::move(*message), static_cast<int>(call.flags), 0);
}

CallInService::Answer CallInService::send_messages(const Call& call) {
  OrErrno<UniqueFd> socket = caller_.duplicate(call.socket);
  if (!socket) return error(socket.error());
  const auto count = static_cast<unsigned>(std::min<uint64_t>(call.size, kMostMessages));
  const int flags = static_cast<int>(call.flags);
  unsigned sent = 0;
  int code = 0;
  for (; sent < count; ++sent) {
    const uint64_t at = call.data + sent * sizeof(mmsghdr);
    OrErrno<Message> message = read_message(socket->get(), at);
    if (!message) {
      code = message.error();
      break;
    }
    const uint64_t length_at = at + offsetof(mmsghdr, msg_len);
    if (sent == 0) {
      UniqueFd own(fcntl(socket->get(), F_DUPFD_CLOEXEC, 0));
      if (!own) return error(errno);
      Answer first = send(std::move(own), std::move(*message), flags, length_at);
      if (first.postponed || first.error != 0) return first;
      continue;
    }
    // What would have to wait is for the caller's next call.
    if (!message->whole || !valid()) break;
    const ssize_t size = message->send(socket->get(), flags | MSG_DONTWAIT);
    if (size < 0 || !caller_.write(length_at, static_cast<uint32_t>(size))) break;
  }
  if (sent == 0 && count > 0) return error(code);
  Answer answer;
  answer.value = sent;
  return answer;
}

// `length_at`: of a message in sendmmsg(2)'s list, where its length is wanted; the answer is then 1.
CallInService::Answer CallInService::send(UniqueFd socket, Message message, int flags,
                                          uint64_t length_at) {
  // The kernel would read our memory long after we have answered; programs know this error and copy.
  if ((flags & MSG_ZEROCOPY) != 0) return error(ENOBUFS);
  const int type = option_of(socket.get(), SO_TYPE);
  if (!message.whole && type != SOCK_STREAM) return error(EMSGSIZE);
  if (!valid()) return error(ENOENT);
  const Caller caller = caller_;
  auto finish = [caller, flags, type, length_at, listener = listener_, id = notification_.id](
                    ssize_t sent, int code) {
    Answer answer;
    // One that was killed while it waited has left its number, perhaps to a process of the host's: that
    // one must not get the signal, nor a number written into its memory.
    uint64_t asked = id;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &asked) != 0) {
      answer.error = ENOENT;
    } else if (sent < 0) {
      if (code == EPIPE && type == SOCK_STREAM && (flags & MSG_NOSIGNAL) == 0) {
        (void)syscall(SYS_tkill, caller.tid(), SIGPIPE);
      }
      answer.error = code;
    } else if (length_at == 0) {
      answer.value = sent;
    } else if (OrErrno<void> written = caller.write(length_at, static_cast<uint32_t>(sent));
               !written) {
      answer.error = written.error();
    } else {
      answer.value = 1;
    }
    return answer;
  };
  const ssize_t sent = message.send(socket.get(), flags | MSG_DONTWAIT);
  const int code = errno;
  const bool may_wait =
      (flags & MSG_DONTWAIT) == 0 && (fcntl(socket.get(), F_GETFL) & O_NONBLOCK) == 0;
  if (sent >= 0 || code != EAGAIN || !may_wait) return finish(sent, code);

  // The other side may take as long as it likes: it has a thread to itself.
  static std::atomic<int> apart{0};
  if (++apart > kMostApart) {
    --apart;
    return error(ENOBUFS);
  }
  std::thread([=, socket = std::move(socket), message = std::move(message), listener = listener_,
               id = notification_.id] {
    ssize_t size = -1;
    int failure = EAGAIN;
    if (unshare(CLONE_FS) == 0) {
      size = message.send(socket.get(), flags);
      failure = errno;
    }
    --apart;
    const Answer answer = finish(size, failure);
    if (answer.error != 0) {
      answer_with_error(listener, id, answer.error);
    } else {
      answer_with_value(listener, id, answer.value);
    }
  }).detach();
  Answer later;
  later.postponed = true;
  return later;
}

}  // namespace srt::platform
