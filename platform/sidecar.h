// A program of ours that stays beside a container: srt-monitor, srt-broker, and who cleans up (last_will.h).
//
//   SRT_ASSIGN(Sidecar sidecar, Sidecar::spawn("srt-monitor", {id}, {config.get(), control.get(), …}));
//
// It starts with its descriptors at 3, 4, 5 … and no others, /dev/null as its standard ones, an own
// session, an empty environment and no secret in its arguments. Until commit() it is killed with this
// object.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

class Sidecar {
 public:
  Sidecar() = default;
  // `arguments`: what follows the program's name; shows in ps. -1 in `fds` leaves that number closed. The caller
  // must be single-threaded. What it becomes may yet be on its way when this returns.
  static Result<Sidecar> spawn(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const std::vector<int>& fds);
  Sidecar(Sidecar&& other) noexcept;
  Sidecar& operator=(Sidecar&& other) noexcept;
  ~Sidecar();

  // Only of one that has said that it runs.
  void commit() { committed_ = true; }
  pid_t pid() const { return pid_; }
  uint64_t start_time() const { return start_; }

 private:
  std::shared_ptr<void> birth_;  // what of our memory it uses until it has become its program
  pid_t pid_ = -1;
  uint64_t start_ = 0;
  bool committed_ = false;
};

// What ends a sidecar whose container is gone: it ends by itself, soon; one that does not is killed.
void end_sidecar(pid_t pid, uint64_t start);

}  // namespace srt::platform
