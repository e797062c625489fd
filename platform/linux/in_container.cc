#include "platform/in_container.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/init/sys.h"

namespace srt::platform {
namespace {

constexpr const char* kObject = "container's tree";
constexpr char kDone = 'D', kFailed = 'F';

// The user namespace is that of the mounts: the program's own may be one further in, without rights to them.
Result<void> enter(pid_t pid, int init) {
  // Nobody in there may look into us: we have the runtime's memory (CVE-2016-9962).
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno(kObject, "become non-dumpable");
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/mnt";
  const UniqueFd mounts(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!mounts) return fail_errno(kObject, "open " + path);
  // Now it is known that the number was not another's already.
  if (sys::pidfd_send_signal(init, 0) != 0) return fail_errno(kObject, "look at its first process");
  const UniqueFd owner(ioctl(mounts.get(), NS_GET_USERNS));
  if (!owner) return fail_errno(kObject, "find its user namespace");
  // The own one cannot be joined once more (EINVAL), and needs not be.
  if (setns(owner.get(), CLONE_NEWUSER) == 0) {
    if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0) {
      return fail_errno(kObject, "become root of its user namespace");
    }
  } else if (errno != EINVAL) {
    return fail_errno(kObject, "enter its user namespace");
  }
  if (setns(mounts.get(), CLONE_NEWNS) != 0) return fail_errno(kObject, "enter it");
  if (chdir("/") != 0) return fail_errno(kObject, "chdir /");
  return {};
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = sys::retry([&] { return write(fd, bytes.data(), bytes.size()); });
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

// The error's three texts, each with a NUL behind it.
std::string packed(const Error& error) {
  return kFailed + error.object + '\0' + error.why + '\0' + error.mend + '\0';
}

Error unpacked(std::string_view text) {
  Error error;
  for (std::string* part : {&error.object, &error.why, &error.mend}) {
    const size_t end = text.find('\0');
    *part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return error;
}

[[noreturn]] void child(const Handle& handle, int init, int answer, pid_t parent,
                        const std::function<Result<std::string>()>& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  Result<void> entered = enter(handle.init, init);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // forgotten by the change of ids
  Result<std::string> done = entered ? work() : fail(entered.error());
  write_all(answer, done ? kDone + *done : packed(done.error()));
  _exit(0);
}

std::string read_all(int fd) {
  std::string bytes;
  char part[16 << 10];
  for (;;) {
    const ssize_t n = sys::retry([&] { return read(fd, part, sizeof part); });
    if (n <= 0) return bytes;
    bytes.append(part, static_cast<size_t>(n));
  }
}

}  // namespace

Result<std::string> in_container(const Handle& handle,
                                 const std::function<Result<std::string>()>& work) {
  SRT_ASSIGN(UniqueFd init, open_init(handle));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe", "");
  UniqueFd from(ends[0]), to(ends[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail_errno("process", "fork");
  if (pid == 0) {
    from.reset();
    child(handle, init.get(), to.get(), parent, work);
  }
  to.reset();
  std::string answer = read_all(from.get());
  int status = 0;
  sys::retry([&] { return waitpid(pid, &status, 0); });
  // Half of an answer would be half of the rules.
  if (answer.empty() || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(kObject, "who looked at it ended without a word");
  if (answer[0] != kDone) return fail(unpacked(std::string_view(answer).substr(1)));
  answer.erase(0, 1);
  return answer;
}

}  // namespace srt::platform
