#include "shim/srt/hiding.h"

#include <csignal>
#include <utility>

namespace srt::shim {

Watched Hiding::begin(const platform::Handle& handle) {
  // Without it a cover holds until its file is replaced, as with everybody else.
  if (const Result<void> watched = places_.watch(); !watched) {
    log_.warn("files that take the place of hidden ones will be seen: " +
              to_string(watched.error()));
  }
  if (places_.fd() < 0 || !cover(handle)) return {};
  return {places_.fd(), [this, &handle] { return cover(handle); }};
}

bool Hiding::cover(const platform::Handle& handle) {
  Result<void> covered = places_.cover(handle);
  if (covered) return true;
  seen = std::move(covered).error();
  (void)platform::signal_all(handle, SIGKILL);
  return false;
}

}  // namespace srt::shim
