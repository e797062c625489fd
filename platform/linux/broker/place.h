// Where a path of a caller leads: resolved once, and from then on held by descriptors.
//
//   SRT_…: Place place = paths.parent({AT_FDCWD, "src/../a.txt"});
//   place.folder  // O_PATH descriptor of the last folder
//   place.path()  // "/w/a.txt": canonical, what the rules are asked about
//
// The kernel resolves, in the sandbox's root, where the broker lives too. It must not do so where
// /proc/self, /proc/thread-self, /dev/fd and the like would mean the broker instead of the caller:
// there the path is walked component by component.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "platform/fd.h"
#include "platform/linux/broker/call.h"
#include "platform/linux/broker/caller.h"

namespace srt::platform {

struct Place {
  UniqueFd folder;
  std::string folder_path;  // canonical; "" where it has none (a deleted folder)
  std::string name;         // last component; "." and ".." only where the caller wrote them
  bool slash = false;       // the caller wrote one behind it: a folder is wanted
  UniqueFd file;            // O_PATH of what is there, where a link was followed to it
  bool read_only =
      false;  // `file` is outside of the sandbox, and the caller's own is not for writing

  std::string path() const;
  std::string spelled() const { return slash ? name + "/" : name; }
  bool is_dots() const { return name == "." || name == ".."; }
};

bool is_procfs(int fd);

class Paths {
 public:
  Paths(const Vantage& vantage, const Caller& caller) : vantage_(vantage), caller_(caller) {}

  // The last component is not looked at. `working`: the caller's working directory as it was, where it must not have
  // become another one meanwhile.
  OrErrno<Place> parent(int folder, const std::string& path, int working = -1) const;
  // Whether `path`, from `working`, leads to `place` without a link of procfs, that a caller can make lead elsewhere
  // at any time: nothing else changes as long as the lock on names is held.
  bool stays(int working, const std::string& path, const Place& place) const;

  // Whether two names are spelled in the same folder, so that the second needs not be looked for: what
  // is `beside` a place of the first.
  static bool are_beside(const Call::Name& one, const std::string& one_path,
                         const Call::Name& other, const std::string& other_path);
  OrErrno<Place> beside(const Place& known, const std::string& path) const;

  // What `place` leads to in the end: links are followed, the caller's own descriptors included. If
  // nothing is there, where it would be made; else `file` is set.
  OrErrno<Place> follow(Place place) const;

  // The whole path as an O_PATH descriptor; with AT_EMPTY_PATH semantics where `path` is empty.
  OrErrno<UniqueFd> whole(int folder, const std::string& path) const;

  // The canonical name of an open file; "" where it has none (deleted, a pipe, memory).
  std::string path_of(int fd) const;
  // The same of a folder, at a third of the cost. The thread's working directory must be its own, and is
  // the root afterwards.
  std::string path_of_folder(int fd) const;

  // inotify of an open file that has no name; see inotify_add_watch(2).
  int watch(int inotify, int fd, uint32_t events) const;

  // Opens what an O_PATH descriptor holds.
  OrErrno<UniqueFd> reopen(int fd, int flags) const;

 private:
  OrErrno<UniqueFd> base(int folder, const std::string& path, int working) const;
  OrErrno<void> judge_jump(int target, bool for_writing, bool last, Place& place) const;
  OrErrno<Place> walk(UniqueFd from, const std::string& path, bool follow_last) const;

  const Vantage& vantage_;
  const Caller& caller_;
};

}  // namespace srt::platform
