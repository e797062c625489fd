// Opens that have to wait for somebody else: a FIFO for its reader, a leased file for its holder. They
// would hold up a worker for as long as they like, so they are tried again, without waiting, until
// they succeed or the caller gives up.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "platform/fd.h"

namespace srt::platform {

class WaitingOpens {
 public:
  struct One {
    int listener;
    uint64_t id;
    UniqueFd file;  // O_PATH
    int flags;      // of the caller's open(2)
    int proc;       // the host's /proc
  };
  void add(One one);
  // Tries all of them once; milliseconds until it should be called again, -1: nobody waits.
  int try_all();
  // Readable when somebody was added.
  int wake_descriptor() const { return wake_.get(); }
  WaitingOpens();

 private:
  std::mutex mutex_;
  std::vector<One> waiting_;
  UniqueFd wake_;
  int pause_ = 1;
};

}  // namespace srt::platform
