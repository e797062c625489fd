#include "platform/sidecar.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "platform/linux/init/sys.h"
#include "platform/linux/init_program.h"
#include "platform/linux/process_info.h"

namespace srt::platform {
namespace {

constexpr int kFirst = 3, kAside = 64;  // more than any sidecar has

struct Start {
  int program;
  int* fds;
  int count;
  char* const* argv;
};

// Child side, perhaps in the caller's memory, of which it changes nothing but the numbers in `fds`; nothing
// allocates.
[[noreturn]] void become(const Start& start) {
  auto [program, fds, count, argv] = start;
  setsid();  // a terminal's signals are not for it
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  // First out of the way of the numbers that they will get.
  for (int i = 0; i < count; ++i) {
    if (fds[i] >= 0) fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, kAside);
  }
  program = fcntl(program, F_DUPFD_CLOEXEC, kAside);
  for (int standard = 0; standard < kFirst; ++standard) dup2(null, standard);
  (void)close_range(kFirst, kAside - 1, 0);
  for (int i = 0; i < count; ++i) {
    if (fds[i] >= 0) dup2(fds[i], kFirst + i);
  }
  if (chdir("/") != 0) _exit(1);
  signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  char* environment[] = {nullptr};
  execveat(program, "", argv, environment, AT_EMPTY_PATH);
  _exit(127);
}

}  // namespace

Result<Sidecar> Sidecar::spawn(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const std::vector<int>& fds, StartUp start_up) {
  SRT_ASSIGN(UniqueFd file, open_installed(program));
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<int> numbers = fds;
  Sidecar sidecar;
  Start start{file.get(), numbers.data(), static_cast<int>(numbers.size()), argv.data()};
  alignas(16) char stack[32 * 1024];
  auto child = [](void* argument) -> int { become(*static_cast<const Start*>(argument)); };
  // As vfork: no page tables to copy. But then we wait until it runs, and it may have to wait for the others.
  const int memory = start_up == StartUp::kAlone ? CLONE_VM | CLONE_VFORK : 0;
  sidecar.pid_ = clone(child, stack + sizeof stack, memory | SIGCHLD, &start);
  if (sidecar.pid_ < 0) return fail_errno(program, "clone");
  SRT_ASSIGN(sidecar.start_, platform::start_time(sidecar.pid_));
  return sidecar;
}

void end_sidecar(pid_t pid, uint64_t start) {
  if (pid <= 0) return;
  UniqueFd fd(sys::pidfd_open(pid));
  auto info = process_info(pid);
  if (!fd || !info || info->start_time != start || info->state == 'Z') return;
  (void)sys::pidfd_send_signal(fd.get(), SIGTERM);
  pollfd wait{fd.get(), POLLIN, 0};
  constexpr int kPatience = 2000;  // milliseconds, for its last events
  if (sys::retry([&] { return poll(&wait, 1, kPatience); }) == 1) return;
  (void)sys::pidfd_send_signal(fd.get(), SIGKILL);
}

}  // namespace srt::platform
