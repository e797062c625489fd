// Where the calls of one listener come in, and which of its threads waits for the next one.
//
// The kernel wakes every thread that waits in SECCOMP_IOCTL_NOTIF_RECV for each call, and all but one in
// vain: with two of them that costs more than the rest of the switch. So one waits at the door and serves
// what comes, and the others look now and then whether a call is left standing there, because that one is
// held up (a slow disk, a lock) or because there are more calls than one can serve: then it is theirs.
//
//   Door door(std::move(listener));
//   while (door.receive(notification)) …   // in each of the threads
#pragma once

#include <linux/seccomp.h>

#include <atomic>

#include "platform/fd.h"

namespace srt::platform {

// Thread-safe.
class Door {
 public:
  explicit Door(UniqueFd listener);

  int listener() const { return listener_.get(); }
  // The next call. False: nobody is left who could call.
  bool receive(seccomp_notif& notification);

 private:
  bool stand_aside();
  bool is_somebody_waiting() const;

  UniqueFd listener_;
  UniqueFd wake_;                    // eventfd
  std::atomic<bool> taken_{false};   // somebody waits at the door
  std::atomic<bool> asleep_{false};  // whoever stands aside is to be woken by the next call
  std::atomic<int> sleepers_{0};
};

}  // namespace srt::platform
