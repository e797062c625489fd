#include "platform/darwin/held.h"

#include <fcntl.h>
#include <libproc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/ttycom.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "platform/darwin/spawn.h"
#include "platform/start_gate.h"

namespace srt::platform {

Result<void> read_start_report(int report) { return darwin::read_failure(report); }

namespace darwin {
namespace {

[[noreturn]] void die(int fd, Error error, int exit_status = 1) {
  error.exit_status = exit_status;
  report(fd, error);
  _exit(exit_status);
}

[[noreturn]] void die_errno(int fd, std::string object, std::string_view what) {
  die(fd, fail_errno(std::move(object), what).value());
}

// The runtime's handlers and its mask are not ours; before exec a signal is to do what it will do to the
// program.
void forget_signals(uint64_t ignored) {
  for (int signal = 1; signal < NSIG; ++signal) {
    (void)::signal(signal, (ignored >> (signal - 1) & 1) != 0 ? SIG_IGN : SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The runtime's ends of sockets would stay open behind its back: srt-monitor would not hear of its end.
void close_others(const HeldFds& fds, unsigned preserved) {
  std::vector<proc_fdinfo> open(4096);
  const int size = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, open.data(),
                                static_cast<int>(open.size() * sizeof(proc_fdinfo)));
  const int last_preserved = STDERR_FILENO + static_cast<int>(preserved);
  for (size_t i = 0; i < static_cast<size_t>(size > 0 ? size : 0) / sizeof(proc_fdinfo); ++i) {
    const int fd = open[i].proc_fd;
    if (fd <= last_preserved || fd == fds.commit || fd == fds.gate || fd == fds.report ||
        fd == fds.terminal) {
      continue;
    }
    close(fd);
  }
}

bool one_byte(int fd) {
  char byte = 0;
  ssize_t n;
  do {
    n = read(fd, &byte, 1);
  } while (n < 0 && errno == EINTR);
  return n == 1;
}

void take_limits(const ProcessPlan& process, int report_fd) {
  for (const Rlimit& limit : process.rlimits) {
    if (setrlimit(limit.resource, &limit.limit) != 0) {
      die_errno(report_fd, "/process/rlimits", "set a limit");
    }
  }
}

void take_user(const ProcessPlan& process, int report_fd) {
  if (process.umask) umask(*process.umask);
  if (!process.uid) return;
  // Groups first: they take root.
  const auto count = static_cast<int>(process.groups.size());
  if (setgroups(count, process.groups.data()) != 0 || setgid(process.gid) != 0 ||
      setuid(*process.uid) != 0) {
    die_errno(report_fd, "/process/user", "become it");
  }
}

}  // namespace

void report(int fd, const Error& error) {
  StartFailure record;
  record.code = error.code;
  record.exit_status = error.exit_status;
  strlcpy(record.object, error.object.c_str(), sizeof record.object);
  strlcpy(record.why, error.why.c_str(), sizeof record.why);
  (void)!write(fd, &record, sizeof record);
}

Result<void> read_failure(int fd) {
  StartFailure record;
  ssize_t n;
  do {
    n = read(fd, &record, sizeof record);
  } while (n < 0 && errno == EINTR);
  if (n != sizeof record) return {};
  record.object[sizeof record.object - 1] = record.why[sizeof record.why - 1] = '\0';
  return fail(Error{record.object, record.why, "", record.code, record.exit_status});
}

Result<Terminal> open_terminal(const std::optional<oci::Box>& size) {
  Terminal terminal;
  terminal.master.reset(posix_openpt(O_RDWR | O_NOCTTY));
  char name[128];
  if (!terminal.master || fcntl(terminal.master.get(), F_SETFD, FD_CLOEXEC) != 0 ||
      grantpt(terminal.master.get()) != 0 || unlockpt(terminal.master.get()) != 0 ||
      ptsname_r(terminal.master.get(), name, sizeof name) != 0) {
    return fail_errno("/process/terminal", "make a pseudo-terminal");
  }
  terminal.slave.reset(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.slave) return fail_errno("/process/terminal", "open the pseudo-terminal");
  if (size) {
    winsize box{};
    box.ws_row = static_cast<unsigned short>(size->height);
    box.ws_col = static_cast<unsigned short>(size->width);
    (void)ioctl(terminal.master.get(), TIOCSWINSZ, &box);
  }
  return terminal;
}

void hold(const ProcessPlan& process, const HeldFds& fds, bool own_session, unsigned preserve_fds,
          const std::vector<oci::Hook>& start_hooks, const std::string& hook_state,
          const std::string& bundle) {
  forget_signals(process.ignored_signals);
  close_others(fds, preserve_fds);
  if (own_session) setsid();
  if (fds.terminal >= 0) {
    if (ioctl(fds.terminal, TIOCSCTTY, 0) != 0) {
      die_errno(fds.report, "/process/terminal", "take it as controlling terminal");
    }
    for (int standard = 0; standard <= STDERR_FILENO; ++standard) dup2(fds.terminal, standard);
  }
  if (!one_byte(fds.commit)) _exit(1);
  if (fds.gate >= 0 && !one_byte(fds.gate)) _exit(1);
  if (fds.gate >= 0) close(fds.gate);
  for (const oci::Hook& hook : start_hooks) {
    if (Result<void> done = run_hook(hook, hook_state, bundle); !done)
      die(fds.report, done.error());
  }
  take_limits(process, fds.report);
  take_user(process, fds.report);
  if (chdir(process.cwd.c_str()) != 0) die_errno(fds.report, "/process/cwd", process.cwd);
  const std::vector<std::string> words = process.command_line();
  Spawn spawn;
  spawn.keep_ignored(process.ignored_signals);
  const int last = STDERR_FILENO + static_cast<int>(preserve_fds);
  for (int fd = 0; fd <= last; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) spawn.keep(fd);
  }
  const int code = spawn.become(words[0], words, process.environment);
  die(fds.report, fail_errno(words[0], "run", code).value(), code == ENOENT ? 127 : 126);
}

}  // namespace darwin
}  // namespace srt::platform
