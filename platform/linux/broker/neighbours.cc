#include "platform/linux/broker/neighbours.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <string>
#include <utility>

namespace srt::platform {
namespace {

thread_local int own = -1;  // the open file that this thread's call has locked

}  // namespace

Result<Neighbours> Neighbours::of(int folder, size_t places) {
  Neighbours neighbours;
  neighbours.places_ = std::make_unique<Places>();
  const std::string held = "/proc/self/fd/" + std::to_string(folder);
  for (size_t i = 0; i < places; ++i) {
    UniqueFd file(open(held.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file) return fail_errno("folder of the user's sandboxes", "open");
    neighbours.places_->free.push_back(file.get());
    neighbours.files_.push_back(std::move(file));
  }
  return neighbours;
}

void Neighbours::lock(bool exclusive) const {
  if (!places_) return;
  {
    std::unique_lock lock(places_->mutex);
    places_->left.wait(lock, [&] { return !places_->free.empty(); });
    own = places_->free.back();
    places_->free.pop_back();
  }
  while (flock(own, exclusive ? LOCK_EX : LOCK_SH) != 0 && errno == EINTR) {
  }
}

void Neighbours::unlock() const {
  if (own < 0) return;
  (void)flock(own, LOCK_UN);
  {
    std::lock_guard lock(places_->mutex);
    places_->free.push_back(std::exchange(own, -1));
  }
  places_->left.notify_one();
}

}  // namespace srt::platform
