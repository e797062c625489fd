// The other sandboxes of the same user, which may write in the same folders.
//
// What is judged and what is done must not be torn apart by them either: one makes `x/hooks` where `x` is
// an ordinary folder, and another one has renamed `x` to `.git` meanwhile. Their brokers hold the same
// lock, flock(2) of a folder that no sandbox reaches. The kernel lets go of it for one that is killed.
#pragma once

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
  // flock(2) is held by an open file, so each of the threads needs its own. Before anything is given up:
  // the folder is the runtime's.
  static Result<Neighbours> of(int folder, size_t threads);

  // In a thread, before its first lock(); while it holds the seat. False: all are taken.
  class Seat {
   public:
    Seat(std::mutex* mutex, std::vector<int>* free, int file)
        : mutex_(mutex), free_(free), file_(file) {}
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    ~Seat();
    explicit operator bool() const { return free_ == nullptr || file_ >= 0; }

   private:
    std::mutex* mutex_;
    std::vector<int>* free_;  // null: alone
    int file_;
  };
  Seat sit();
  void lock(bool exclusive) const;
  void unlock() const;

 private:
  std::vector<UniqueFd> files_;
  struct Seats {
    std::mutex mutex;
    std::vector<int> free;
  };
  std::unique_ptr<Seats> seats_;
};

}  // namespace srt::platform
