#include "platform/monitor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "platform/linux/init/sys.h"
#include "platform/linux/init_program.h"
#include "platform/linux/process_info.h"
#include "platform/linux/sockets.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "egress guard";

// Child side; nothing allocates. `fds[n]` becomes descriptor 3 + n, -1 leaves that number closed.
[[noreturn]] void become_monitor(int program, std::array<int, kMonitorFdEnd - 3> fds,
                                 char* const* argv) {
  setsid();  // a terminal's signals are not for it
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  // First out of the way of the numbers that they will get.
  for (int& fd : fds) {
    if (fd >= 0) fd = fcntl(fd, F_DUPFD_CLOEXEC, 64);
  }
  program = fcntl(program, F_DUPFD_CLOEXEC, 64);
  for (int standard = 0; standard <= 2; ++standard) dup2(null, standard);
  (void)close_range(3, 63, 0);
  for (size_t i = 0; i < fds.size(); ++i) {
    if (fds[i] >= 0) dup2(fds[i], 3 + static_cast<int>(i));
  }
  if (chdir("/") != 0) _exit(1);
  signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  char* environment[] = {nullptr};
  execveat(program, "", argv, environment, AT_EMPTY_PATH);
  constexpr char kWhy[] = "Fcannot be run";
  (void)send(kMonitorControl, kWhy, sizeof kWhy - 1, MSG_NOSIGNAL);
  _exit(1);
}

}  // namespace

Result<Monitor> Monitor::spawn(const MonitorOptions& options) {
  SRT_ASSIGN(auto control, make_socket_pair(SOCK_SEQPACKET));
  SRT_ASSIGN(auto listeners, make_socket_pair(SOCK_SEQPACKET));
  SRT_ASSIGN(UniqueFd config, seal_bytes("srt-monitor-config", options.config));
  SRT_ASSIGN(UniqueFd program, open_installed("srt-monitor"));
  std::string name = "srt-monitor", container = options.container;
  char* argv[] = {name.data(), container.data(), nullptr};
  std::array<int, kMonitorFdEnd - 3> fds{
      config.get(),     control.second.get(),   listeners.second.get(), options.audit_dir,
      options.commands, options.dial_namespace, options.resolv_conf};
  (void)lseek(config.get(), 0, SEEK_SET);
  Monitor monitor;
  monitor.pid_ = fork();
  if (monitor.pid_ < 0) return fail_errno(kLayer, "fork");
  if (monitor.pid_ == 0) become_monitor(program.get(), fds, argv);
  monitor.control_ = std::move(control.first);
  monitor.listeners_ = std::move(listeners.first);
  SRT_ASSIGN(monitor.start_, start_time(monitor.pid_));
  return monitor;
}

Monitor::Monitor(Monitor&& other) noexcept { *this = std::move(other); }

Monitor& Monitor::operator=(Monitor&& other) noexcept {
  std::swap(control_, other.control_);
  std::swap(listeners_, other.listeners_);
  std::swap(pid_, other.pid_);
  std::swap(start_, other.start_);
  std::swap(committed_, other.committed_);
  return *this;
}

Monitor::~Monitor() {
  if (pid_ <= 0 || committed_) return;
  control_.reset();  // it ends by this; the signal is for one that hangs
  kill(pid_, SIGKILL);
  sys::retry([&] { return waitpid(pid_, nullptr, 0); });
}

Result<MonitorReady> Monitor::await_ready() {
  char message[512];
  ssize_t n =
      sys::retry([&] { return recv(control_.get(), message, sizeof message, MSG_CMSG_CLOEXEC); });
  if (n >= 2 && message[0] == kMonitorServes) return MonitorReady{message[1] == '1'};
  if (n >= 2 && message[0] == kMonitorFailed) {
    return fail(kLayer, std::string(message + 1, static_cast<size_t>(n - 1)));
  }
  return fail(kLayer, "srt-monitor ended before it served", "reinstall srt-runtime");
}

Result<void> Monitor::commit(const Handle& container) {
  SRT_ASSIGN(UniqueFd pidfd, open_init(container));
  SRT_TRY(send_with_descriptor(control_.get(), std::string_view(&kMonitorCommit, 1), pidfd.get()));
  committed_ = true;
  return {};
}

void Monitor::note(Handle& handle) const {
  handle.monitor = pid_;
  handle.monitor_start = start_;
}

}  // namespace srt::platform
