#include "platform/sidecar.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <utility>

#include <mach-o/dyld.h>

#include "platform/darwin/process.h"
#include "platform/darwin/spawn.h"

namespace srt::platform {
namespace {

constexpr int kFirst = 3, kAside = 64;  // more than any sidecar has

// Beside our own program, wherever that lies: nothing of the caller's choice leads there.
Result<std::string> installed(const std::string& name) {
  char path[PATH_MAX], self[PATH_MAX];
  uint32_t size = sizeof path;
  if (_NSGetExecutablePath(path, &size) != 0 || realpath(path, self) == nullptr) {
    return fail_errno(name, "find our own program");
  }
  std::string folder(self);
  folder.resize(folder.rfind('/'));
  for (const char* place : {"/../libexec/srt-runtime/", "/", "/../bin/"}) {
    const std::string candidate = folder + place + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return fail(name, "is neither in " + folder + "/../libexec/srt-runtime nor in " + folder,
              "reinstall srt-runtime");
}

}  // namespace

Result<Sidecar> Sidecar::spawn(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const std::vector<int>& fds) {
  SRT_ASSIGN(const std::string path, installed(program));
  darwin::Spawn spawn;
  spawn.new_session();
  spawn.start_in("/");  // no volume is busy because of it
  for (int standard = 0; standard < kFirst; ++standard) spawn.open_null(standard);
  // First out of the way of the numbers that they will get.
  std::vector<UniqueFd> aside;
  for (size_t i = 0; i < fds.size(); ++i) {
    if (fds[i] < 0) continue;
    UniqueFd copy(fcntl(fds[i], F_DUPFD_CLOEXEC, kAside));
    if (!copy) return fail_errno(program, "pass descriptors on");
    spawn.pass(copy.get(), kFirst + static_cast<int>(i));
    aside.push_back(std::move(copy));
  }
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  Sidecar sidecar;
  SRT_ASSIGN(sidecar.pid_, spawn.start(path, words, {}));
  SRT_ASSIGN(const darwin::ProcessInfo info, darwin::process_info(sidecar.pid_));
  sidecar.start_ = info.start;
  return sidecar;
}

void end_sidecar(pid_t pid, uint64_t start) {
  if (pid <= 0) return;
  Result<darwin::ProcessInfo> info = darwin::process_info(pid);
  if (!info || info->start != start || info->zombie) return;
  Result<UniqueFd> ended = darwin::watch_process(pid);
  if (!ended) return;
  kill(pid, SIGTERM);
  pollfd wait{ended->get(), POLLIN, 0};
  constexpr int kPatience = 2000;  // milliseconds, for its last events
  if (poll(&wait, 1, kPatience) == 1) return;
  kill(pid, SIGKILL);
}

}  // namespace srt::platform
