#include "platform/darwin/companion.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>

#include "oci/write.h"
#include "platform/darwin/process.h"
#include "platform/darwin/spawn.h"
#include "platform/darwin/violation_log.h"

namespace srt::platform::darwin {
namespace {

constexpr const char* kLog = "/usr/bin/log";
// The log tells a little later than the kernel refuses.
constexpr int kLinger = 500;  // milliseconds behind the container's end

std::string timestamp() {
  using namespace std::chrono;
  const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  const time_t seconds = now / 1'000'000;
  tm utc{};
  gmtime_r(&seconds, &utc);
  char date[32], text[48];
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text, sizeof text, "%s.%06dZ", date, static_cast<int>(now % 1'000'000));
  return text;
}

// As the other platform's file violations: docs/srt.md.
std::string to_json_line(const Violation& violation) {
  oci::JsonWriter writer(oci::Layout::kCompact);
  writer.begin_object();
  auto member = [&](const char* name, std::string_view text) {
    writer.key(name);
    writer.value(text);
  };
  member("time", timestamp());
  member("event", "denied");
  member("operation", violation.operation);
  member("path", violation.target);
  writer.key("pid");
  writer.value(int64_t{violation.pid});
  member("comm", violation.program);
  writer.end_object();
  return std::move(writer).take() + "\n";
}

class Watcher {
 public:
  Watcher(Companion what, pid_t caller) : what_(std::move(what)), caller_(caller) {}
  [[noreturn]] void run();

 private:
  void follow_log();
  bool carry();  // false: the log has ended
  void drain(int milliseconds);

  Companion what_;
  const pid_t caller_;
  ViolationLog log_{"srt_" + what_.container.run};
  UniqueFd lines_;
  pid_t log_pid_ = -1;
};

void Watcher::follow_log() {
  if (!what_.violations) return;
  Result<Pipe> pipe = make_pipe();
  if (!pipe) return;
  Spawn spawn;
  spawn.open_null(STDIN_FILENO);
  spawn.open_null(STDERR_FILENO);
  spawn.pass(pipe->write_end.get(), STDOUT_FILENO);
  std::vector<std::string> words = log_stream_arguments("srt_" + what_.container.run);
  words.insert(words.begin(), "log");
  Result<pid_t> child = spawn.start(kLog, words, {"PATH=/usr/bin:/bin"});
  if (!child) return;
  log_pid_ = *child;
  lines_ = std::move(pipe->read_end);
}

bool Watcher::carry() {
  char buffer[16384];
  const ssize_t n = read(lines_.get(), buffer, sizeof buffer);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) return false;
  for (const Violation& violation : log_.feed({buffer, static_cast<size_t>(n)})) {
    const std::string line = to_json_line(violation);
    (void)!write(what_.violations.get(), line.data(), line.size());
  }
  return true;
}

void Watcher::drain(int milliseconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (lines_) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd wait{lines_.get(), POLLIN, 0};
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) != 1 || !carry()) return;
  }
}

void Watcher::run() {
  Result<UniqueFd> ended = open_init(what_.container);
  UniqueFd caller;
  bool caller_gone = false;
  if (what_.die_with_caller) {
    Result<UniqueFd> watched = watch_process(caller_);
    // It may have gone before we looked: then we are launchd's.
    caller_gone = !watched || getppid() != caller_;
    if (watched) caller = std::move(*watched);
  }
  follow_log();
  while (ended && !caller_gone) {
    pollfd fds[] = {
        {ended->get(), POLLIN, 0}, {caller.get(), POLLIN, 0}, {lines_.get(), POLLIN, 0}};
    if (poll(fds, 3, -1) < 0 && errno != EINTR) break;
    if (fds[2].revents != 0 && !carry()) lines_.reset();
    caller_gone = fds[1].revents != 0;
    if (fds[0].revents != 0) break;
  }
  if (caller_gone) (void)destroy(what_.container);
  drain(kLinger);
  if (log_pid_ > 0) kill(log_pid_, SIGKILL);
  _exit(0);
}

void close_inherited(int kept) {
  const int null = open("/dev/null", O_RDWR);
  for (int standard = 0; standard <= STDERR_FILENO; ++standard) dup2(null, standard);
  for (int fd = STDERR_FILENO + 1; fd < getdtablesize() && fd < 4096; ++fd) {
    if (fd != kept) close(fd);
  }
}

}  // namespace

Result<void> start_companion(Companion companion) {
  if (!companion.die_with_caller && !companion.violations) return {};
  const pid_t caller = getpid();
  const pid_t child = fork();
  if (child < 0) return fail_errno("process", "fork");
  if (child != 0) return {};
  setsid();  // a terminal's signals are not for it
  for (int signal = 1; signal < NSIG; ++signal) (void)::signal(signal, SIG_DFL);
  (void)::signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  close_inherited(companion.violations.get());
  if (chdir("/") != 0) _exit(1);
  Watcher(std::move(companion), caller).run();
}

}  // namespace srt::platform::darwin
