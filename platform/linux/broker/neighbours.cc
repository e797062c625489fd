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
  neighbours.seats_ = std::make_unique<Seats>();
  const std::string held = "/proc/self/fd/" + std::to_string(folder);
  for (size_t i = 0; i < threads; ++i) {
    UniqueFd file(open(held.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file) return fail_errno("folder of the user's sandboxes", "open");
    neighbours.seats_->free.push_back(file.get());
    neighbours.files_.push_back(std::move(file));
  }
  return neighbours;
}

Neighbours::Seat Neighbours::sit() {
  if (!seats_) return {nullptr, nullptr, -1};
  std::lock_guard lock(seats_->mutex);
  if (!seats_->free.empty()) {
    own = seats_->free.back();
    seats_->free.pop_back();
  }
  return {&seats_->mutex, &seats_->free, own};
}

Neighbours::Seat::~Seat() {
  if (file_ < 0) return;
  std::lock_guard lock(*mutex_);
  free_->push_back(file_);
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
