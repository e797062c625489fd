#include "platform/darwin/profile_trial.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>

#include "platform/darwin/content.h"
#include "platform/darwin/run_profile.h"
#include "platform/darwin/spawn.h"

namespace srt::platform::darwin {
namespace {

// Until the end, but no longer than `patience`: false.
bool read_within(int fd, std::chrono::milliseconds patience, std::string& text) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t kEnough = 4096;  // the rest is read, and forgotten
  const auto end = Clock::now() + patience;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd wait{fd, POLLIN, 0};
    if (left <= 0) return false;
    const int ready = poll(&wait, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready != 1) return false;
    char buffer[1024];
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    if (text.size() < kEnough) text.append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace

Result<void> try_profile(const std::string& profile) {
  constexpr const char* kObject = "Seatbelt profile";
  constexpr auto kPatience = std::chrono::seconds(10);
  SRT_ASSIGN(Pipe output, make_pipe());
  Spawn spawn;
  spawn.open_null(STDIN_FILENO);
  spawn.open_null(STDOUT_FILENO);
  spawn.pass(output.write_end.get(), STDERR_FILENO);
  SRT_ASSIGN(const pid_t child,
             spawn.start(kSandboxExec, {kSandboxExec, "-p", profile, "/usr/bin/true"}, {}));
  output.write_end.reset();
  std::string text;
  const bool ended = read_within(output.read_end.get(), kPatience, text);
  if (!ended) kill(child, SIGKILL);  // our child, not waited for: the pid is its own
  SRT_ASSIGN(const int status, await_child(child));
  if (!ended) return fail(kObject, "sandbox-exec does not get to an end with it");
  const std::string complaint = profile_complaint(status, text);
  if (complaint.empty()) return {};
  if (complaint.starts_with("sandbox_apply")) {
    return fail(kObject, complaint, "inside of a sandbox macOS makes no other: start it outside");
  }
  return fail(kObject, "macOS does not take it: " + complaint,
              "`srt-runtime plan BUNDLE` prints it: please report it");
}

}  // namespace srt::platform::darwin
