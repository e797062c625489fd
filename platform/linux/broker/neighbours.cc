#include "platform/linux/broker/neighbours.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <string>

namespace srt::platform {
namespace {

thread_local int own = -1;

}  // namespace

Result<Neighbours> Neighbours::of(int folder, size_t threads) {
  Neighbours neighbours;
  const std::string held = "/proc/self/fd/" + std::to_string(folder);
  for (size_t i = 0; i < threads; ++i) {
    UniqueFd file(open(held.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file) return fail_errno("folder of the user's sandboxes", "open");
    neighbours.files_.push_back(std::move(file));
  }
  return neighbours;
}

void Neighbours::join(size_t thread) const {
  if (thread < files_.size()) own = files_[thread].get();
}

void Neighbours::lock(bool exclusive) const {
  if (own < 0) return;
  while (flock(own, exclusive ? LOCK_EX : LOCK_SH) != 0 && errno == EINTR) {
  }
}

void Neighbours::unlock() const {
  if (own >= 0) (void)flock(own, LOCK_UN);
}

}  // namespace srt::platform
