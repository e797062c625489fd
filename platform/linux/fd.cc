#include "platform/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <string>

namespace srt {

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe", "make");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string name_of_file(int fd) {
  char path[PATH_MAX];
  const ssize_t size =
      ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return size > 0 && path[0] == '/' ? std::string(path, static_cast<size_t>(size)) : std::string();
}

bool exchange_at(int dir, const std::string& one, const std::string& other) {
  return renameat2(dir, one.c_str(), dir, other.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace srt
