#include "platform/monitor.h"

#include <sys/socket.h>
#include <unistd.h>

#include "platform/linux/init/sys.h"
#include "platform/linux/init_program.h"
#include "platform/sidecar.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "egress guard";

}  // namespace

struct Monitor::Impl {
  UniqueFd control, listeners,
      served;  // `served`: the monitor's end of `listeners`, until it has started
  Sidecar process;
};

Result<Monitor> Monitor::reserve() {
  SRT_ASSIGN(auto listeners, make_socket_pair(SOCK_SEQPACKET));
  Monitor monitor;
  monitor.impl_->listeners = std::move(listeners.first);
  monitor.impl_->served = std::move(listeners.second);
  return monitor;
}

Result<void> Monitor::start(const MonitorOptions& options) {
  SRT_ASSIGN(auto control, make_socket_pair(SOCK_SEQPACKET));
  SRT_ASSIGN(UniqueFd config, seal_bytes("srt-monitor-config", options.config));
  (void)lseek(config.get(), 0, SEEK_SET);
  SRT_ASSIGN(
      impl_->process,
      Sidecar::spawn("srt-monitor", {options.container},
                     {config.get(), control.second.get(), impl_->served.get(), options.audit_dir,
                      options.commands, options.dial_namespace, options.resolv_conf,
                      options.audit_copy, -1, options.tls, options.connector}));
  impl_->served.reset();
  impl_->control = std::move(control.first);
  return {};
}

Result<WayOut> open_way_out() { return WayOut(); }

Monitor::Monitor() : impl_(std::make_unique<Impl>()) {}
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;
Monitor::~Monitor() = default;

UniqueFd Monitor::take_listener_socket() { return std::move(impl_->listeners); }

Result<MonitorReady> Monitor::await_ready() {
  char message[512];
  ssize_t n = sys::retry(
      [&] { return recv(impl_->control.get(), message, sizeof message, MSG_CMSG_CLOEXEC); });
  if (n >= 2 && message[0] == kMonitorServes) return MonitorReady{message[1] == '1'};
  if (n >= 2 && message[0] == kMonitorFailed) {
    return fail(kLayer, std::string(message + 1, static_cast<size_t>(n - 1)));
  }
  return fail(kLayer, "srt-monitor ended before it served", "reinstall srt-runtime");
}

Result<void> Monitor::commit(const Handle& container) {
  SRT_ASSIGN(UniqueFd pidfd, open_init(container));
  SRT_TRY(send_with_descriptor(impl_->control.get(), std::string_view(&kMonitorCommit, 1),
                               pidfd.get()));
  impl_->process.commit();
  return {};
}

void Monitor::note(Handle& handle) const {
  handle.monitor = impl_->process.pid();
  handle.monitor_start = impl_->process.start_time();
}

}  // namespace srt::platform
