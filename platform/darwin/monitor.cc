#include "platform/monitor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "platform/darwin/process.h"
#include "platform/sidecar.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "egress guard";
constexpr int kDenyAttach = 31;  // PT_DENY_ATTACH of <sys/ptrace.h>, which not every SDK has
extern "C" int ptrace(int request, pid_t pid, char* address, int data);

// What a kMonitorCommit is made of: descriptors of processes cannot be handed over.
struct Commit {
  char type = kMonitorCommit;
  pid_t init = 0;
  uint64_t init_start = 0;
};

// A file that has no name any more. Not a pipe: nobody reads before all is written.
Result<UniqueFd> unnamed_file(std::string_view bytes) {
  char folder[PATH_MAX];
  const size_t size = confstr(_CS_DARWIN_USER_TEMP_DIR, folder, sizeof folder);
  std::string path = size > 0 && size <= sizeof folder ? folder : "/tmp/";
  path += "srt-monitor.XXXXXXXX";
  UniqueFd fd(mkostemp(path.data(), O_CLOEXEC));  // 0600
  if (!fd) return fail_errno(kLayer, "write its configuration");
  (void)unlink(path.c_str());
  while (!bytes.empty()) {
    const ssize_t n = write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(kLayer, "write its configuration");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  (void)lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

std::string random_token() {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";  // as they are in a URL
  unsigned char bytes[32];
  arc4random_buf(bytes, sizeof bytes);
  std::string token;
  for (unsigned char byte : bytes) token += kLetters[byte % kLetters.size()];
  return token;
}

// Neither SO_REUSEADDR nor SO_REUSEPORT: with them another process of the host could listen on the same
// port, and be sent the token. Nobody waits for a certain number, so none is missed either.
Result<UniqueFd> listen_on(const sockaddr* address, socklen_t size, int family) {
  UniqueFd fd(socket(family, SOCK_STREAM, 0));
  if (!fd || fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) return fail_errno(kLayer, "socket");
  const int on = 1;
  if (family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd.get(), address, size) != 0 || listen(fd.get(), SOMAXCONN) != 0) {
    return fail_errno(kLayer, "listen on loopback");
  }
  return fd;
}

}  // namespace

struct Monitor::Impl {
  UniqueFd control;
  Sidecar process;
};

// Both loopback addresses: a client that is told "localhost" may try ::1 first, and whoever listened there
// would be sent the token.
Result<WayOut> open_way_out() {
  constexpr int kAttempts = 32;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SRT_ASSIGN(UniqueFd first,
               listen_on(reinterpret_cast<const sockaddr*>(&v4), sizeof v4, AF_INET));
    socklen_t size = sizeof v4;
    if (getsockname(first.get(), reinterpret_cast<sockaddr*>(&v4), &size) != 0) {
      return fail_errno(kLayer, "learn its port");
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    v6.sin6_port = v4.sin_port;
    Result<UniqueFd> second =
        listen_on(reinterpret_cast<const sockaddr*>(&v6), sizeof v6, AF_INET6);
    // Somebody has the number there: another one. Only without IPv6 nobody can.
    if (!second && second.error().code == EADDRINUSE) continue;
    if (!second && second.error().code != EADDRNOTAVAIL && second.error().code != EAFNOSUPPORT) {
      return fail(second.error());
    }
    WayOut way_out;
    way_out.http = way_out.socks = ntohs(v4.sin_port);
    way_out.token = random_token();
    way_out.listener = std::move(first);
    if (second) way_out.listener_v6 = std::move(*second);
    return way_out;
  }
  return fail(kLayer, "no port of loopback is free on both 127.0.0.1 and ::1");
}

Result<Monitor> Monitor::reserve() { return Monitor(); }

Result<void> Monitor::start(const MonitorOptions& options) {
  SRT_ASSIGN(auto control, make_socket_pair(SOCK_STREAM));
  SRT_ASSIGN(UniqueFd config, unnamed_file(options.config));
  SRT_ASSIGN(
      impl_->process,
      Sidecar::spawn("srt-monitor", {options.container},
                     {config.get(), control.second.get(), options.listener, options.audit_dir,
                      options.commands, options.dial_namespace, options.resolv_conf,
                      options.audit_copy, options.listener_v6, -1, options.connector}));
  impl_->control = std::move(control.first);
  return {};
}

Monitor::Monitor() : impl_(std::make_unique<Impl>()) {}
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;
Monitor::~Monitor() = default;

UniqueFd Monitor::take_listener_socket() { return UniqueFd(); }

Result<MonitorReady> Monitor::await_ready() {
  char message[512];
  ssize_t n;
  do {
    n = recv(impl_->control.get(), message, sizeof message, 0);
  } while (n < 0 && errno == EINTR);
  // Programs that ask the guard reach it; there is nothing that could catch the others, and nowhere that
  // they could go.
  if (n >= 2 && message[0] == kMonitorServes) return MonitorReady{false};
  if (n >= 2 && message[0] == kMonitorFailed) {
    return fail(kLayer, std::string(message + 1, static_cast<size_t>(n - 1)));
  }
  return fail(kLayer, "srt-monitor ended before it served", "reinstall srt-runtime");
}

Result<void> Monitor::commit(const Handle& container) {
  Commit message;
  message.init = container.init;
  message.init_start = container.init_start;
  if (send(impl_->control.get(), &message, sizeof message, MSG_NOSIGNAL) != sizeof message) {
    return fail_errno(kLayer, "hand the container over");
  }
  impl_->process.commit();
  return {};
}

void Monitor::note(Handle& handle) const {
  handle.monitor = impl_->process.pid();
  handle.monitor_start = impl_->process.start_time();
}

Result<void> enter_dial_namespace(int, int) {
  return fail(kLayer, "there are no network namespaces on macOS");
}

Result<ContainerListeners> receive_listeners(int socket) {
  ContainerListeners listeners;
  listeners.has_v6 = true;
  for (int fd : {socket, int{kMonitorListenerV6}}) {
    // A copy: the number itself is closed once the container is released.
    UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, kMonitorFdEnd));
    if (copy) listeners.sockets.push_back({ContainerListeners::Role::kProxy, std::move(copy)});
  }
  if (listeners.sockets.empty()) return fail(kLayer, "was given no listener");
  return listeners;
}

// The program waits for `start`, which comes after srt-monitor serves.
Result<void> release_container(int) { return {}; }

Result<UniqueFd> receive_commit(int control) {
  Commit message;
  const ssize_t n = recv(control, &message, sizeof message, MSG_WAITALL);
  if (n == 0) return fail(Error{kLayer, "the runtime has gone", "", EPIPE});
  if (n != sizeof message || message.type != kMonitorCommit) {
    return fail(kLayer, "an unknown message of the runtime");
  }
  Handle handle;
  handle.init = message.init;
  handle.init_start = message.init_start;
  return open_init(handle);
}

// Other programs of the same user: the token and a parent proxy's password are in our memory.
Result<void> confine_monitor(int) {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return fail_errno(kLayer, "forbid core dumps");
  if (ptrace(kDenyAttach, 0, nullptr, 0) != 0) return fail_errno(kLayer, "forbid debuggers");
  return {};
}

Result<void> confine_connector() { return confine_monitor(-1); }

}  // namespace srt::platform
