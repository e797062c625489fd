#include "platform/sidecar.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
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
constexpr rlim_t kFewestFiles = kAside + 12;

// It runs in our memory until it becomes its program: with page tables of its own, each page that we write
// meanwhile would be copied. It waits for nobody, so neither do we.
struct Birth {
  UniqueFd program;
  std::vector<std::string> words;
  std::vector<char*> argv;
  std::vector<int> fds;
  alignas(16) char stack[16 * 1024];

  [[noreturn]] void become();
};

// Child side. Of our memory it changes only what is here; nothing allocates. errno, which is ours too, it writes
// where a call fails, and there it ends.
void Birth::become() {
  setsid();  // a terminal's signals are not for it
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) _exit(1);
  // First out of the way of the numbers that they will get.
  for (int& fd : fds) {
    if (fd >= 0) fd = fcntl(fd, F_DUPFD_CLOEXEC, kAside);
  }
  const int file = fcntl(program.get(), F_DUPFD_CLOEXEC, kAside);
  for (int standard = 0; standard < kFirst; ++standard) dup2(null, standard);
  (void)close_range(kFirst, kAside - 1, 0);
  for (size_t i = 0; i < fds.size(); ++i) {
    if (fds[i] >= 0) dup2(fds[i], kFirst + static_cast<int>(i));
  }
  if (chdir("/") != 0) _exit(1);
  // A file as large as RLIMIT_FSIZE allows is an error of a write, or of a caller's truncate(2), and no end of us.
  for (const int signal_number : {SIGPIPE, SIGXFSZ}) signal(signal_number, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  char* environment[] = {nullptr};
  execveat(file, "", argv.data(), environment, AT_EMPTY_PATH);
  _exit(127);
}

}  // namespace

Result<Sidecar> Sidecar::spawn(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const std::vector<int>& fds) {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < kFewestFiles) {
    return fail("open files", "no more than " + std::to_string(files.rlim_cur) + " are allowed",
                "ulimit -n 1024");
  }
  const std::shared_ptr<Birth> owner(
      new Birth);  // not make_shared, which would write all of the stack
  Birth& birth = *owner;
  SRT_ASSIGN(birth.program, open_installed(program));
  birth.words = {program};
  birth.words.insert(birth.words.end(), arguments.begin(), arguments.end());
  for (std::string& word : birth.words) birth.argv.push_back(word.data());
  birth.argv.push_back(nullptr);
  birth.fds = fds;
  auto child = [](void* its_birth) -> int { static_cast<Birth*>(its_birth)->become(); };
  Sidecar sidecar;
  sidecar.birth_ = owner;
  sidecar.pid_ = clone(child, birth.stack + sizeof birth.stack, CLONE_VM | SIGCHLD, &birth);
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
