// The gate between create and start: two fifos in the container's state folder, or two socket pairs where
// who creates it starts it, too.
//
//   exec.fifo    the container's first process reads one byte and goes on to the program
//   exec.report  closed by a good execve; an error record comes out of it otherwise
//
// The first process holds them from the beginning, of a fifo both ends, so nothing of the host's tree is needed
// inside, and `start` sees at once when it is gone.
#include "platform/start_gate.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "platform/platform.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

constexpr const char* kGate = "exec.fifo";
constexpr const char* kReport = "exec.report";

Result<UniqueFd> make_fifo(int folder, const char* name) {
  if (mkfifoat(folder, name, 0600) != 0) return fail_errno(name, "mkfifo");
  UniqueFd fd(openat(folder, name, O_RDWR | O_CLOEXEC));
  if (!fd) return fail_errno(name, "open");
  return fd;
}

tl::unexpected<Error> gone() { return fail("container", "its first process is gone"); }

// Once the gate is open.
Result<void> await_program(const UniqueFd& init, const UniqueFd& report) {
  // The report ends when execve closes it, or when the process is gone; then we look for words first.
  pollfd wait[2] = {{report.get(), POLLIN, 0}, {init.get(), POLLIN, 0}};
  while (poll(wait, 2, -1) < 0 && errno == EINTR) {
  }
  SRT_TRY(read_start_report(report.get()));
  const bool killed = wait[1].revents != 0 && wait[0].revents == 0;
  if (killed) return fail("container", "its first process was killed before it ran the program");
  return {};
}

}  // namespace

Result<std::pair<StartGate, StartGate>> make_start_gate() {
  SRT_ASSIGN(auto gate, make_socket_pair(SOCK_STREAM));
  SRT_ASSIGN(auto report, make_socket_pair(SOCK_STREAM));
  return std::pair(StartGate{std::move(gate.first), std::move(report.first)},
                   StartGate{std::move(gate.second), std::move(report.second)});
}

Result<StartGate> make_start_fifos(int state_dir) {
  StartGate fifos;
  SRT_ASSIGN(fifos.gate, make_fifo(state_dir, kGate));
  SRT_ASSIGN(fifos.report, make_fifo(state_dir, kReport));
  return fifos;
}

bool awaits_start(int state_dir) {
  // Opening says it all: without a reader it fails. The report's, not the gate's, which is done with
  // before the startContainer hooks.
  UniqueFd report(openat(state_dir, kReport, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  return static_cast<bool>(report);
}

Result<void> start(const Handle& handle, int state_dir) {
  SRT_ASSIGN(UniqueFd init, open_init(handle));
  UniqueFd report(openat(state_dir, kReport, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  UniqueFd gate(openat(state_dir, kGate, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!gate || !report) {
    // ENXIO: nobody reads any more, so either the program runs already or the process just died.
    if (init_status(handle) == InitStatus::kGone) return gone();
    return fail("container", "was started already");
  }
  if (write(gate.get(), "s", 1) != 1) return fail_errno("container", "open the start gate");
  gate.reset();
  SRT_TRY(await_program(init, report));
  (void)unlinkat(state_dir, kGate, 0);
  (void)unlinkat(state_dir, kReport, 0);
  return {};
}

Result<void> start(const Handle& handle, StartGate ours) {
  SRT_ASSIGN(UniqueFd init, open_init(handle));
  if (send(ours.gate.get(), "s", 1, MSG_NOSIGNAL) != 1) return gone();
  return await_program(init, ours.report);
}

}  // namespace srt::platform
