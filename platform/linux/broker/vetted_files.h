// Files that are looked at before they count: git writes a `.git` file, a checked-out `.gitmodules` or a
// worktree's `commondir` straight into its place, and nothing tells that it is done.
//
// The caller writes into memory. In the file's place stands an empty file of ours under a write lease:
// whoever opens it, in the sandbox or outside, waits in the kernel until we have looked at the memory
// and written what we read into the file (fcntl(2), F_SETLEASE). So a reader gets all of it or nothing,
// and a file system without leases gets none. Whoever only asks for its size may still see the one from
// before for some microseconds.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "platform/fd.h"
#include "platform/linux/broker/caller.h"
#include "platform/linux/broker/judge.h"
#include "platform/linux/broker/place.h"

namespace srt::platform {

class VettedFiles {
 public:
  struct Vet {
    // nullopt: nothing is wrong with `text` in the place of `current`.
    std::function<std::optional<std::string>(const std::string& text, const std::string& current)>
        objection;
    std::function<void(const std::string& objection)> report;  // once it is final
  };

  // The signal that a lease is wanted back; blocked in all threads, and waited for by the caller of
  // settle().
  static int lease_signal();

  // What the caller gets for open(2) with `flags` at `place`; the lock on names is held.
  // The thread's working directory must be its own; afterwards it is the root.
  OrErrno<UniqueFd> open(const Paths& paths, const Place& place, int flags, mode_t mode, Vet vet);

  // Looks at all of them; milliseconds until it should be called again, -1: there are none.
  int settle();
  bool is_empty() const { return count_.load(std::memory_order_relaxed) == 0; }
  // The end of the sandbox: nobody writes any more.
  void finish();
  // Readable when one of them was made or written.
  int wake_descriptor() const { return changes_.get(); }
  VettedFiles();

 private:
  struct One {
    UniqueFd file;    // in its place
    UniqueFd memory;  // what the caller writes; open for reading only
    UniqueFd folder;
    std::string name;
    bool made;  // it was not there before
    Vet vet;
    std::string written;
    int watch = -1;
  };
  static bool settle_one(One& one, bool ended);

  std::mutex mutex_;
  std::vector<One> files_;
  UniqueFd changes_;  // inotify
  std::atomic<size_t> count_{0};
  int pause_ = 1;
};

// The whole of a file of at most kLongestVetted bytes.
OrErrno<std::string> read_whole(int fd);
OrErrno<void> write_whole(int fd, std::string_view text);

}  // namespace srt::platform
