#include "platform/linux/broker/door.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace srt::platform {
namespace {

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS  // Linux 6.6
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

constexpr int kLook =
    1;  // milliseconds; what a call waits at most where the one at the door is held up
constexpr int kQuietLooks = 16;  // after as many the one who stands aside goes to sleep

}  // namespace

Door::Door(UniqueFd listener)
    : listener_(std::move(listener)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // The caller is woken on this CPU and we sleep: both change places, as in a function call.
  (void)ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

bool Door::is_somebody_waiting() const {
  pollfd door{listener_.get(), POLLIN, 0};
  return poll(&door, 1, 0) > 0;
}

bool Door::receive(seccomp_notif& notification) {
  for (;;) {
    if (taken_.exchange(true)) {
      if (!stand_aside()) return false;
      continue;
    }
    std::memset(&notification, 0, sizeof notification);
    const bool came = ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &notification) == 0;
    const int code = errno;
    taken_ = false;
    // After `taken_`, which they look at after they set this: no call finds both of us away.
    if (asleep_ && asleep_.exchange(false)) (void)eventfd_write(wake_.get(), 1);
    if (came) return true;
    if (code == EINTR) continue;
    pollfd left{listener_.get(), 0, 0};
    if (code != ENOENT || poll(&left, 1, 0) != 0) return false;  // POLLHUP: the last user is gone
    // else a caller was killed meanwhile
  }
}

// Until there seems to be something to do at the door. False: nobody is left who could call.
bool Door::stand_aside() {
  for (int quiet = 0;; ++quiet) {
    int patience = kLook;
    if (quiet >= kQuietLooks) {
      ++sleepers_;
      asleep_ = true;
      if (taken_) patience = -1;
    }
    pollfd events[] = {{listener_.get(), 0, 0}, {wake_.get(), POLLIN, 0}};
    const int ready = poll(events, 2, patience);
    if (quiet >= kQuietLooks) --sleepers_;
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0 && events[0].revents != 0) return false;
    if (ready > 0) {
      eventfd_t count;
      (void)eventfd_read(wake_.get(), &count);
      quiet = 0;
    }
    if (taken_) continue;
    quiet = 0;
    if (!is_somebody_waiting()) continue;
    if (sleepers_ > 0) asleep_ = true;  // the next call wakes one who looks in our place
    return true;
  }
}

}  // namespace srt::platform
