#include "platform/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <cstring>

namespace srt::platform {
namespace {

// kqueue tells that a signal came, not from whom: a handler does, through a pipe.
struct Message {
  int number;
  bool from_kernel;
};
int write_end = -1;
struct sigaction actions_before[NSIG];

void on_signal(int number, siginfo_t* info, void*) {
  const int saved = errno;
  // The terminal's driver has no process.
  const Message message{number, info == nullptr || info->si_pid == 0};
  (void)!write(write_end, &message,
               sizeof message);  // not blocking: more than a pipe holds is lost
  errno = saved;
}

}  // namespace

Result<SignalInbox> SignalInbox::open(const sigset_t& set) {
  SRT_ASSIGN(Pipe pipe, make_pipe());
  for (int fd : {pipe.read_end.get(), pipe.write_end.get()}) {
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return fail_errno("signals", "fcntl");
  }
  write_end = pipe.write_end.release();
  for (int number = 1; number < NSIG; ++number) {
    if (sigismember(&set, number) != 1) continue;
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    if (sigaction(number, &action, &actions_before[number]) != 0) {
      return fail_errno("signals", "sigaction");
    }
  }
  return SignalInbox(std::move(pipe.read_end), set);
}

SignalInbox::SignalInbox(SignalInbox&& other) noexcept = default;

SignalInbox::~SignalInbox() {
  if (!fd_) return;
  for (int number = 1; number < NSIG; ++number) {
    if (sigismember(&to_restore_, number) == 1) sigaction(number, &actions_before[number], nullptr);
  }
  close(write_end);
  write_end = -1;
  while (std::optional<Signal> left = next()) raise(left->number);
}

std::optional<Signal> SignalInbox::next() {
  Message message;
  if (read(fd_.get(), &message, sizeof message) != sizeof message) return std::nullopt;
  return Signal{message.number, message.from_kernel};
}

bool ignores_signal(pid_t pid, int signal) {
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
  kinfo_proc info{};
  size_t size = sizeof info;
  if (sysctl(name, 4, &info, &size, nullptr, 0) != 0 || size != sizeof info) return false;
  return sigismember(&info.kp_proc.p_sigignore, signal) == 1;
}

}  // namespace srt::platform
