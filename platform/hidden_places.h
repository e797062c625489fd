// What a rule hides stays hidden when somebody outside puts another file in its place.
//
//   HiddenPlaces hidden({"/w/.env"});    // before they are covered
//   SRT_TRY(hidden.watch());             // at any time later
//   SRT_TRY(hidden.cover(handle));       // then, and whenever fd() is readable
//
// A mount covers a file, not a name: whoever saves ".env" by renaming a new file over it, as editors and git
// do, takes the cover away, and the program reads the new one. So the folders around are watched and the
// new file is covered as soon as it is there: some milliseconds in which it can be seen remain.
//
// Not promised: a folder further up that is replaced; what the kernel does not tell of, as changes that
// another host makes on a shared file system. Seatbelt judges names: there is nothing to do on macOS.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/platform.h"

namespace srt::platform {

class HiddenPlaces {
 public:
  // Absolute and without links; they need not exist.
  explicit HiddenPlaces(const std::vector<std::string>& places);

  // The kernel takes some ten milliseconds to let go of what was watched, when this is destroyed: not for what
  // takes no longer itself. The error: the user's inotify(7) instances or watches are used up.
  Result<void> watch();
  int fd() const { return events_.get(); }  // -1: nothing is watched

  // Covers what has come since, in the container's tree. Forks: the caller must be single-threaded. The error:
  // something in such a place can be seen.
  Result<void> cover(const Handle& handle);

 private:
  // What stood there; a file that was made anew may have the old one's number.
  struct Identity {
    uint64_t device = 0, inode = 0;
    int64_t changed = 0;  // ctime, nanoseconds
    bool operator==(const Identity&) const = default;
  };
  std::set<std::string> take_changed();
  static Identity look(const std::string& place);

  std::map<std::string, Identity> places_;
  UniqueFd events_;
  std::map<int, std::string> folders_;           // by watch descriptor
  [[maybe_unused]] bool looked_at_all_ = false;  // Darwin has no use for it
};

}  // namespace srt::platform
