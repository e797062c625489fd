#include "shim/srt/control.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace srt::shim {

Result<bool> Control::take() {
  char buffer[65536];
  ssize_t n = read(fd_, buffer, sizeof buffer);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n < 0) {
    const Error error = fail_errno("--control-fd", "read").value();
    if (!heard_) return tl::unexpected(error);
    std::fprintf(stderr, "srt: %s; no further rules are read\n", to_string(error).c_str());
    return false;
  }
  if (n == 0) {
    if (!pending_.empty()) pending_ += '\n';  // the last line may lack its end
    take_lines();
    return false;
  }
  pending_.append(buffer, static_cast<size_t>(n));
  take_lines();
  return true;
}

void Control::take_lines() {
  for (size_t end; (end = pending_.find('\n')) != std::string::npos;) {
    const std::string line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    heard_ = true;
    const bool blank = line.find_first_not_of(" \t\r") == std::string::npos;
    if (std::exchange(skipping_, false) || blank) continue;
    if (Result<void> done = apply_(line); !done) {
      std::fprintf(stderr, "srt: --control-fd: %s; the last policy stays\n",
                   to_string(done.error()).c_str());
    }
  }
  if (pending_.size() <= kLongest) return;
  if (!skipping_) std::fputs("srt: --control-fd: a line is longer than 1 MiB; left out\n", stderr);
  skipping_ = true;
  pending_.clear();
}

}  // namespace srt::shim
