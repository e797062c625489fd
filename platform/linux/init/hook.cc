#include "platform/linux/init/hook.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

int64_t now_ms() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1000000;
}

HookFailure failure(std::string_view why, int code = errno) {
  HookFailure result{true, code, {}};
  result.why << why;
  return result;
}

[[noreturn]] void become_hook(const char* path, const char* const* argv, const char* const* envp,
                              const char* folder, int input, int output, int failed) {
  if (folder != nullptr && chdir(folder) != 0) errno = 0;  // it is not promised to a hook
  dup2(input, 0);
  dup2(output, 1);
  dup2(output, 2);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  execve(path, const_cast<char* const*>(argv), const_cast<char* const*>(envp));
  int error = errno;
  (void)!write(failed, &error, sizeof error);
  _exit(127);
}

// The state goes in and the output comes out at the same time: neither side may block the other.
struct Conversation {
  int pidfd, input, output;
  std::string_view state;
  char tail[256];
  size_t tail_size = 0;

  void feed() {
    ssize_t n = write(input, state.data(), state.size());
    if (n > 0) state.remove_prefix(static_cast<size_t>(n));
    if (state.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) {
      close(input);
      input = -1;
    }
  }
  void drain() {
    char buffer[1024];
    ssize_t n = read(output, buffer, sizeof buffer);
    if (n <= 0) {
      if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(output);
        output = -1;
      }
      return;
    }
    for (ssize_t i = 0; i < n; ++i) {
      bool line_end = tail_size > 0 && tail[tail_size - 1] == '\n';
      if (line_end || tail_size == sizeof tail) tail_size = 0;  // only the last line is told
      tail[tail_size++] = buffer[i];
    }
  }
  // True when the hook has ended, false when the deadline (ms, 0: none) has passed.
  bool run(int64_t deadline) {
    for (;;) {
      pollfd fds[3] = {{pidfd, POLLIN, 0}, {input, POLLOUT, 0}, {output, POLLIN, 0}};
      int64_t left = deadline == 0 ? -1 : deadline - now_ms();
      if (deadline != 0 && left <= 0) return false;
      int n = poll(fds, 3, static_cast<int>(left > 1000000 ? 1000000 : left));
      if (n < 0 && errno != EINTR) return true;
      if (n <= 0) continue;
      if (input >= 0 && fds[1].revents != 0) feed();
      if (output >= 0 && fds[2].revents != 0) drain();
      // A background child of the hook may hold the pipe: the hook's own end is what counts.
      if (fds[0].revents != 0) return true;
    }
  }
};

}  // namespace

HookFailure run_hook(const char* path, const char* const* argv, const char* const* envp,
                     std::string_view state, uint64_t timeout, const char* folder) {
  int in[2], out[2], failed[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(failed, O_CLOEXEC) != 0) {
    return failure("pipe");
  }
  pid_t pid = fork();
  if (pid < 0) return failure("fork");
  if (pid == 0) become_hook(path, argv, envp, folder, in[0], out[1], failed[1]);
  close(in[0]);
  close(out[1]);
  close(failed[1]);
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  fcntl(out[0], F_SETFL, O_NONBLOCK);

  // A hook that closes its stdin early is no reason for us to die.
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);
  Conversation talk{sys::pidfd_open(pid), in[1], out[0], state, {}};
  if (talk.pidfd < 0) {  // a filter that is loaded already may say no
    HookFailure blind = failure("pidfd_open");
    kill(pid, SIGKILL);
    sys::retry([&] { return waitpid(pid, nullptr, 0); });
    for (int fd : {in[1], out[0], failed[0]}) close(fd);
    return blind;
  }
  constexpr uint64_t kForEver =
      1'000'000'000;  // seconds; more of them would not fit as milliseconds
  const auto patience = static_cast<int64_t>(timeout < kForEver ? timeout : kForEver) * 1000;
  bool ended = talk.run(timeout == 0 ? 0 : now_ms() + patience);
  if (!ended) kill(pid, SIGKILL);
  int status = 0;
  sys::retry([&] { return waitpid(pid, &status, 0); });
  if (talk.output >= 0) talk.drain();
  sigaction(SIGPIPE, &before, nullptr);
  int exec_error = 0;
  bool not_executed = read(failed[0], &exec_error, sizeof exec_error) == sizeof exec_error;
  for (int fd : {talk.pidfd, talk.input, talk.output, failed[0]}) {
    if (fd >= 0) close(fd);
  }

  if (not_executed) return failure("cannot be run", exec_error);
  if (!ended) {
    HookFailure late = failure("ran into its timeout of ", 0);
    late.why << timeout << " s and was killed";
    return late;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  HookFailure bad = failure(WIFEXITED(status) ? "exit status " : "killed by signal ", 0);
  bad.why << static_cast<uint64_t>(WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  while (talk.tail_size > 0 && talk.tail[talk.tail_size - 1] == '\n') --talk.tail_size;
  if (talk.tail_size > 0) bad.why << ": " << std::string_view(talk.tail, talk.tail_size);
  return bad;
}

}  // namespace srt::init
