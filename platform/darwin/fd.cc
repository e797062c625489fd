#include "platform/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <climits>
#include <string>

namespace srt {

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe(ends) != 0) return fail_errno("pipe", "make");
  Pipe made{UniqueFd(ends[0]), UniqueFd(ends[1])};
  // Not in one step with pipe(2): programs are started by posix_spawn with all descriptors closed.
  (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return made;
}

std::string name_of_file(int fd) {
  char path[PATH_MAX];
  return fcntl(fd, F_GETPATH, path) == 0 ? std::string(path) : std::string();
}

OpenSocket open_socket(int /*fd*/) { return {}; }  // the profile holds for whatever it is led to

bool exchange_at(int dir, const std::string& one, const std::string& other) {
  return renameatx_np(dir, one.c_str(), dir, other.c_str(), RENAME_SWAP) == 0;
}

}  // namespace srt
