#include <crt_externs.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "platform/darwin/process.h"
#include "platform/darwin/spawn.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

Result<void> feed(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("hook", "write its state");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace

Result<void> run_hook(const oci::Hook& hook, std::string_view state, const std::string& folder) {
  const std::string object = "hook " + hook.path;
  // A pipe holds 64 KiB, a state is some hundred bytes: feeding it does not wait for the reader.
  SRT_ASSIGN(Pipe input, make_pipe());
  (void)fcntl(input.write_end.get(), F_SETFL, O_NONBLOCK);
  darwin::Spawn spawn;
  spawn.pass(input.read_end.get(), STDIN_FILENO);
  spawn.open_null(STDOUT_FILENO);
  spawn.open_null(STDERR_FILENO);
  spawn.start_in(folder);
  std::vector<std::string> args = oci::items(hook.args);
  if (args.empty()) args.push_back(hook.path);
  // As runc and crun: a hook that names no environment has the caller's.
  std::vector<std::string> environment = oci::items(hook.env);
  if (!hook.env) {
    for (char** entry = *_NSGetEnviron(); *entry != nullptr; ++entry)
      environment.emplace_back(*entry);
  }
  Result<pid_t> child = spawn.start(hook.path, args, environment);
  if (!child) return fail_errno(object, "run", child.error().code);
  input.read_end.reset();
  (void)feed(input.write_end.get(), state);  // one that does not read it has its reasons
  input.write_end.reset();
  SRT_ASSIGN(UniqueFd ended, watch_exit(*child));
  pollfd wait{ended.get(), POLLIN, 0};
  constexpr int64_t kLongest = INT_MAX / 1000;  // 24 days: as good as never
  const int patience =
      hook.timeout ? static_cast<int>(std::min(*hook.timeout, kLongest)) * 1000 : -1;
  int ready;
  do {
    ready = poll(&wait, 1, patience);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) kill(*child, SIGKILL);
  SRT_ASSIGN(const int status, await_child(*child));
  if (ready == 0) return fail(object, "took longer than its timeout");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(object, WIFSIGNALED(status)
                          ? "was ended by signal " + std::to_string(WTERMSIG(status))
                          : "ended with status " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace srt::platform
