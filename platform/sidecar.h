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
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

class Sidecar {
 public:
  // kAlone: sooner, where nothing else is starting yet.
  enum class StartUp { kBeside, kAlone };

  Sidecar() = default;
  // `arguments`: what follows the program's name; shows in ps. -1 in `fds` leaves that number closed. Forks: the
  // caller must be single-threaded.
  static Result<Sidecar> spawn(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const std::vector<int>& fds, StartUp start_up = StartUp::kBeside);
  Sidecar(Sidecar&& other) noexcept;
  Sidecar& operator=(Sidecar&& other) noexcept;
  ~Sidecar();

  void commit() { committed_ = true; }
  pid_t pid() const { return pid_; }
  uint64_t start_time() const { return start_; }

 private:
  pid_t pid_ = -1;
  uint64_t start_ = 0;
  bool committed_ = false;
};

// What ends a sidecar whose container is gone: it ends by itself, soon; one that does not is killed.
void end_sidecar(pid_t pid, uint64_t start);

}  // namespace srt::platform
