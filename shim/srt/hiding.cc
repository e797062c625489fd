#include "shim/srt/hiding.h"

#include <csignal>
#include <utility>

namespace srt::shim {

std::vector<Watched> Hiding::begin(const platform::Handle& handle) {
  if (!holds(places_.watch(), handle) || !cover(handle)) return {};
  std::vector<Watched> watched;
  for (const int fd : places_.descriptors()) {
    watched.push_back({fd, [this, &handle] { return cover(handle); }});
  }
  return watched;
}

bool Hiding::cover(const platform::Handle& handle) { return holds(places_.cover(handle), handle); }

// Something could be seen from here on: the command ends.
bool Hiding::holds(Result<void> done, const platform::Handle& handle) {
  if (done) return true;
  seen = std::move(done).error();
  (void)platform::signal_all(handle, SIGKILL);
  return false;
}

}  // namespace srt::shim
