// What a rule hides stays hidden when somebody outside puts another file in its place.
//
//   SRT_ASSIGN(HiddenPlaces hidden, HiddenPlaces::watch({"/w/.env"}));  // before they are covered
//   …
//   SRT_TRY(hidden.cover(handle));  // whenever fd() is readable
//
// A mount covers a file, not a name: whoever saves ".env" by renaming a new file over it, as editors and git
// do, takes the cover away, and the program reads the new one. So the folders around are watched and the
// new file is covered as soon as it is there: some milliseconds in which it can be seen remain.
//
// Not promised: a folder further up that is replaced; what the kernel does not tell of, as changes that
// another host makes on a shared file system. Seatbelt judges names: there is nothing to do on macOS.
#pragma once

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
  // Absolute and without links; they need not exist. The error: the user's inotify(7) instances or watches
  // are used up.
  static Result<HiddenPlaces> watch(const std::vector<std::string>& places);

  int fd() const { return events_.get(); }  // -1: there is nothing to watch

  // Covers what has come since, in the container's tree. Forks: the caller must be single-threaded. The error:
  // something in such a place can be seen.
  Result<void> cover(const Handle& handle);

 private:
  std::vector<std::string> take_changed();

  UniqueFd events_;
  std::map<int, std::string> folders_;  // by watch descriptor
  std::set<std::string> places_;
};

}  // namespace srt::platform
