// srt-monitor: serves the only way out of one container; see platform/monitor.h for its life.
//
// Started by srt-runtime with descriptors of fixed numbers and no secret in its arguments. The order
// below is the security argument: what needs privilege comes first, then it is given up, then the first
// byte of the container is looked at.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include "platform/fd.h"
#include "platform/idle_memory.h"
#include "platform/monitor.h"
#include "proxy/guard.h"
#include "proxy/own_addresses.h"
#include "proxy/unix_connector.h"
#include "runtime/monitor_config.h"
#include "shim/srt-monitor/audit_log.h"
#include "shim/srt-monitor/commands.h"

namespace srt::monitor {
namespace {

namespace asio = boost::asio;
using platform::ContainerListeners;

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

void close_on_exec_all() {
  for (int fd = platform::kMonitorConfig; fd < platform::kMonitorFdEnd; ++fd) {
    if (is_open(fd)) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

// Each tunnel takes two descriptors, and two more while it splices, which it can do without.
size_t raise_descriptor_limit(size_t fewest) {
  constexpr size_t kOwn = 512, kMost = 16384;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return fewest;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return fewest;
  const size_t most = limit.rlim_max > kOwn ? (limit.rlim_max - kOwn) / 2 : 0;
  return std::clamp(most, fewest, std::max(fewest, kMost));
}

// What is held of heads and first bytes lies outside the container's memory limit: many clients with much to say
// must not become the host's want of memory. A connection that gets none ends.
void bound_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their shadow is data, too
  constexpr rlim_t kMost = rlim_t{512} << 20;
  rlimit limit;
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max = std::min(limit.rlim_max, kMost);
  (void)setrlimit(RLIMIT_DATA, &limit);
#endif
}

// An event that cannot be written down must not be followed by what it would have told of: not even by what
// this very turn of the event loop would still send.
void write_or_end(AuditLog& log, const proxy::AuditEvent& event, const std::string& container) {
  try {
    if (log.write(proxy::to_json_line(event, container))) return;
  } catch (const std::bad_alloc&) {
  }
  _exit(1);
}

Result<runtime::MonitorConfig> read_config() {
  SRT_ASSIGN(std::string json, read_rest(platform::kMonitorConfig, "srt-monitor's config"));
  close(platform::kMonitorConfig);
  return runtime::parse_monitor_config(json);
}

proxy::Listener::Kind kind_of(ContainerListeners::Role role) {
  switch (role) {
    case ContainerListeners::Role::kProxy: return proxy::Listener::Kind::kProxy;
    case ContainerListeners::Role::kTransparent: return proxy::Listener::Kind::kTransparent;
    case ContainerListeners::Role::kDnsUdp: return proxy::Listener::Kind::kDnsUdp;
    case ContainerListeners::Role::kDnsTcp: return proxy::Listener::Kind::kDnsTcp;
  }
  return proxy::Listener::Kind::kTransparent;
}

std::vector<proxy::Listener> for_guard(ContainerListeners& from) {
  std::vector<proxy::Listener> listeners;
  for (ContainerListeners::One& one : from.sockets) {
    listeners.push_back({kind_of(one.role), one.fd.release()});
  }
  return listeners;
}

// The event loop's view of the runtime and of the container.
class Watch {
 public:
  explicit Watch(asio::io_context& io)
      : io_(io), control_(io, platform::kMonitorControl), init_(io) {}

  // Until the runtime commits, its end is ours; from then on the container's is.
  void start() {
    control_.async_wait(asio::posix::stream_descriptor::wait_read, [this](auto error) {
      if (error) return io_.stop();
      Result<UniqueFd> ended = platform::receive_commit(platform::kMonitorControl);
      control_.close();
      if (!ended) return io_.stop();
      init_.assign(ended->release());
      init_.async_wait(asio::posix::stream_descriptor::wait_read, [this](auto) { io_.stop(); });
    });
  }

 private:
  asio::io_context& io_;
  asio::posix::stream_descriptor control_, init_;
};

void say_that_it_serves(bool all_ports) {
  const char message[] = {platform::kMonitorServes, all_ports ? '1' : '0'};
  (void)send(platform::kMonitorControl, message, sizeof message, MSG_NOSIGNAL);
}

void say_why(const Error& error) {
  std::string message = platform::kMonitorFailed + to_string(error);
  (void)send(platform::kMonitorControl, message.data(), std::min<size_t>(message.size(), 500),
             MSG_NOSIGNAL);
}

Result<void> serve() {
  close_on_exec_all();
  bound_memory();
  proxy::GuardOptions options;
  // Now: a number that is not taken is soon that of something else.
  options.tls = is_open(platform::kMonitorTls) ? int{platform::kMonitorTls} : -1;
  const bool opens_tls = options.tls >= 0;
  options.connector = is_open(platform::kMonitorConnector) ? int{platform::kMonitorConnector} : -1;
  options.max_connections = raise_descriptor_limit(options.max_connections);
  SRT_ASSIGN(runtime::MonitorConfig config, read_config());
  if (is_open(platform::kMonitorDialNamespace)) {
    // From an engine's network one comes to the host, too; out there nobody can ask for its addresses any more.
    options.host_addresses = std::make_shared<proxy::InterfaceAddresses>();
    if (!options.host_addresses->known())
      return fail("egress guard", "cannot list the host's addresses");
    SRT_TRY(platform::enter_dial_namespace(
        platform::kMonitorDialNamespace,
        is_open(platform::kMonitorResolvConf) ? int{platform::kMonitorResolvConf} : -1));
  }
  SRT_TRY(platform::confine_monitor(platform::kMonitorAudit));
  UniqueFd copy(is_open(platform::kMonitorAuditCopy) ? int{platform::kMonitorAuditCopy} : -1);
  SRT_ASSIGN(AuditLog log, AuditLog::open(platform::kMonitorAudit,
                                          {config.policy.audit.max_bytes, config.policy.audit.keep},
                                          std::move(copy)));
  SRT_ASSIGN(ContainerListeners listeners,
             platform::receive_listeners(platform::kMonitorListeners));

  asio::io_context io(1);
  options.container = config.container;
  options.token = config.token;
  options.secrets = std::move(config.secrets);
  options.quiet = platform::release_idle_memory;
  options.sandbox_has_v6 = listeners.has_v6;
  auto record = [&](const proxy::AuditEvent& event) { write_or_end(log, event, config.container); };
  bool all_ports = listeners.all_ports;
  proxy::Guard guard(io, for_guard(listeners), config.policy.egress, options, record);
  guard.start();
  serve_commands(io, platform::kMonitorCommands,
                 [&](const std::string& json, UniqueFd connector) -> Result<void> {
                   SRT_ASSIGN(runtime::EffectivePolicy policy,
                              runtime::parse_effective_policy(json, "policy"));
                   // Without srt-tls all TLS would end; with it and no rule for it, TLS that was to be opened would pass.
                   if (policy.egress.tls.has_value() != opens_tls) {
                     return fail("network/tlsTerminate",
                                 "can neither come nor go while the sandbox runs");
                   }
                   guard.replace_policy(std::move(policy.egress), connector.release());
                   return {};
                 });
  asio::signal_set ends(io, SIGTERM, SIGINT);
  ends.async_wait([&](auto, int) { io.stop(); });
  Watch watch(io);
  watch.start();
  SRT_TRY(platform::release_container(platform::kMonitorListeners));
  close(platform::kMonitorListeners);
  say_that_it_serves(all_ports);
  // Most of what we needed to get here, nobody needs again.
  io.run_for(platform::kUntilIdle);
  if (io.stopped()) return {};
  platform::release_idle_memory();
  io.run();
  return {};
}

// platform::start_connector()'s.
int connect_for_monitor(const char* path) {
  const std::string proxy = path;
  if (!platform::confine_connector()) return 1;
  const char ready = platform::kConnectorReady;
  iovec io{const_cast<char*>(&ready), 1};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  if (sendmsg(platform::kConnectorChannel, &message, MSG_NOSIGNAL) != 1) return 1;
  proxy::serve_connects(platform::kConnectorChannel, proxy);
  return 0;
}

}  // namespace
}  // namespace srt::monitor

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  if (count == 4 && std::string_view(words[2]) == srt::platform::kConnectorMode) {
    return srt::monitor::connect_for_monitor(words[3]);
  }
  srt::Result<void> ended = srt::monitor::serve();
  if (ended) return 0;
  srt::monitor::say_why(ended.error());
  return 1;
}
