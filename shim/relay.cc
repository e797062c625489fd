#include "shim/relay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace srt::shim {
namespace {

constexpr char kEndOfFile = 4;  // VEOF of a terminal as it comes
// After the program's end the terminal holds at most this much of what it wrote (the kernel's limit
// is 64 KiB); more comes from somebody who outlives it.
constexpr size_t kMostLeft = 256 * 1024;

// The same file with O_NONBLOCK and a file position of its own, so only for terminals and pipes;
// otherwise, and where it may not be opened again, the descriptor itself: it is polled before use.
UniqueFd own_description(int fd, int flags) {
  struct stat st {};
  if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || isatty(fd))) {
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    UniqueFd own(open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own) return own;
  }
  return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

pollfd watch(int fd, short events) {
  return {events ? fd : -1, events, 0};  // poll() steps over negative descriptors
}

}  // namespace

Relay::Relay(UniqueFd master) : master_(std::move(master)) {
  if (!master_) return;
  fcntl(master_.get(), F_SETFL, fcntl(master_.get(), F_GETFL) | O_NONBLOCK);
  input_ = own_description(STDIN_FILENO, O_RDONLY);
  output_ = own_description(STDOUT_FILENO, O_WRONLY);
}

Relay::Ended Relay::Flow::fill(int from) {
  ssize_t n = read(from, bytes.data(), bytes.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Ended::kNo;
  begin = 0;
  end = n > 0 ? static_cast<size_t>(n) : 0;
  // A master whose last slave is closed reads EIO, after everything that was written.
  return n > 0 ? Ended::kNo : Ended::kYes;
}

Relay::Ended Relay::Flow::empty(int to) {
  ssize_t n = write(to, bytes.data() + begin, end - begin);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? Ended::kNo : Ended::kYes;
  begin += static_cast<size_t>(n);
  return Ended::kNo;
}

void Relay::prepare(pollfd* fds) const {
  const bool alive = static_cast<bool>(master_);
  fds[0] = watch(input_.get(), alive && in_.open && !in_.pending() ? POLLIN : 0);
  fds[1] = watch(master_.get(), alive && in_.pending() ? POLLOUT : 0);
  fds[2] = watch(master_.get(), alive && out_.open && !out_.pending() ? POLLIN : 0);
  fds[3] = watch(output_.get(), alive && out_.pending() ? POLLOUT : 0);
}

void Relay::carry(const pollfd* fds) {
  if (fds[0].revents) read_input();
  // A terminal that nobody has open any more takes no input; what was typed is lost, as it would
  // be without us.
  if (fds[1].revents && in_.empty(master_.get()) == Ended::kYes) in_.begin = in_.end;
  if (fds[2].revents && out_.fill(master_.get()) == Ended::kYes) out_.open = false;
  if (fds[3].revents) write_output();
}

void Relay::read_input() {
  if (in_.fill(input_.get()) == Ended::kNo) return;
  in_.open = false;
  if (isatty(input_.get())) return;
  // The end of a pipe: a terminal's reader sees an end of file by this character.
  in_.bytes[0] = kEndOfFile;
  in_.begin = 0;
  in_.end = 1;
}

void Relay::write_output() {
  if (out_.empty(output_.get()) == Ended::kNo) return;
  // Nobody reads: hang up, as a terminal window that is closed does.
  out_.begin = out_.end;
  out_.open = false;
  master_.reset();
}

void Relay::drain() {
  in_.open = false;
  in_.begin = in_.end;
  for (size_t left = kMostLeft; master_ && (out_.pending() || out_.open);) {
    pollfd fds[kPolled];
    prepare(fds);
    // Without a pid namespace of its own the program may leave others behind that keep the terminal
    // open: then silence is the end.
    int ready = poll(fds, kPolled, out_.pending() ? -1 : 100);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return;
    const bool had_pending = out_.pending();
    carry(fds);
    if (had_pending || !out_.pending()) continue;
    size_t got = out_.end - out_.begin;
    if (got >= left) out_.open = false;
    left -= got < left ? got : left;
  }
}

}  // namespace srt::shim
