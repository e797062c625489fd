#include "platform/linux/broker/umasks.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace srt::platform {
namespace {

// The kernel gives out all other numbers first, some 32,000 at least.
constexpr std::chrono::milliseconds kRemembered{50};

}  // namespace

void Umasks::calls(const Caller& caller) {
  if (changing_count_.load(std::memory_order_acquire) == 0) return;
  std::lock_guard lock(mutex_);
  std::erase(changing_, caller.tid());
  changing_count_ = changing_.size();
}

void Umasks::about_to_change(const Caller& caller) {
  std::lock_guard lock(mutex_);
  changing_.push_back(caller.tid());
  changing_count_ = changing_.size();
  ++generation_;
}

OrErrno<mode_t> Umasks::of(const Caller& caller) {
  const Clock::time_point now = Clock::now();
  Known& slot = known_[static_cast<size_t>(caller.tid()) % known_.size()];
  std::unique_lock lock(mutex_);
  if (!changing_.empty()) {
    std::erase_if(changing_, [](pid_t tid) { return kill(tid, 0) != 0 && errno == ESRCH; });
    changing_count_ = changing_.size();
  }
  const bool settled = changing_.empty();
  const uint64_t generation = generation_;
  if (settled && slot.tid == caller.tid() && slot.generation == generation && now < slot.until) {
    return slot.umask;
  }
  lock.unlock();
  const OrErrno<mode_t> read = caller.umask();
  if (!read || !settled) return read;
  lock.lock();
  slot = {caller.tid(), *read, generation, now + kRemembered};
  return read;
}

}  // namespace srt::platform
