// The other sandboxes of the same user, which may write in the same folders.
//
// What is judged and what is done must not be torn apart by them either: one makes `x/hooks` where `x` is
// an ordinary folder, and another one has renamed `x` to `.git` meanwhile. Their brokers hold the same
// lock, flock(2) of a folder that no sandbox reaches. The kernel lets go of it for one that is killed.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

class Neighbours {
 public:
  Neighbours() = default;  // alone
  // flock(2) is held by an open file, so each call that is being served needs one: `places` of them at
  // the same time, others wait. Before anything is given up: the folder is the runtime's.
  static Result<Neighbours> of(int folder, size_t places);

  // By the thread that unlocks it again.
  void lock(bool exclusive) const;
  void unlock() const;

 private:
  std::vector<UniqueFd> files_;
  struct Places {
    std::mutex mutex;
    std::condition_variable left;
    std::vector<int> free;
  };
  std::unique_ptr<Places> places_;
};

}  // namespace srt::platform
