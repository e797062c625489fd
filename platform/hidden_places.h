// What a rule hides stays hidden when somebody outside puts another file in its place.
//
//   HiddenPlaces hidden({"/w/.env"});    // before they are covered
//   SRT_TRY(hidden.watch());             // at any time later
//   SRT_TRY(hidden.cover(handle));       // then, and whenever one of descriptors() is readable
//
// A mount covers a file, not a name: whoever saves ".env" by renaming a new file over it, as editors and git
// do, takes the cover away, and the program reads the new one. So the folders around are watched and the
// new file is covered as soon as it is there: some milliseconds in which it can be seen remain. The folders on
// the way are watched too: one may come to be later, be removed and made anew, or have another one put in its place.
//
// inotify(7) is shared by all of a user's programs, those in a sandbox among them, who can use it up; and it
// tells nothing of a folder that its user cannot list. What it does not tell of is looked at again and again.
//
// Not promised: what the kernel does not tell of, as changes that another host makes on a shared file system.
// Seatbelt judges names: there is nothing to do on macOS.
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
  // takes no longer itself.
  Result<void> watch();
  std::vector<int> descriptors() const;

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
  struct News {
    std::set<std::string> named;  // these have come to be
    bool ways_changed = false;    // a folder on the way to one of them is another one now
  };
  Result<std::set<std::string>> take_changed();
  News take_events();
  bool is_on_the_way(const std::string& path) const;
  // Of each folder on the way, and of what comes to be in the last one that is there. False: nobody will tell.
  bool watch_way(const std::string& place);
  bool add_watch(const std::string& folder, uint32_t events);
  Result<void> watch_ways();
  static Identity look(const std::string& place);

  std::map<std::string, Identity> places_;
  UniqueFd events_;                              // none: inotify is used up
  UniqueFd clock_;                               // when to look at those that are
  std::set<std::string> unwatched_;              // of places_
  std::map<int, std::string> folders_;           // by watch descriptor
  [[maybe_unused]] bool looked_at_all_ = false;  // Darwin has no use for it
};

}  // namespace srt::platform
