#include "platform/sidecar.h"

#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <utility>

namespace srt::platform {

Sidecar::Sidecar(Sidecar&& other) noexcept { *this = std::move(other); }

Sidecar& Sidecar::operator=(Sidecar&& other) noexcept {
  std::swap(birth_, other.birth_);
  std::swap(pid_, other.pid_);
  std::swap(start_, other.start_);
  std::swap(committed_, other.committed_);
  return *this;
}

Sidecar::~Sidecar() {
  if (pid_ <= 0 || committed_) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace srt::platform
