#include "platform/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace srt {

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe", "make");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool exchange_at(int dir, const std::string& one, const std::string& other) {
  return renameat2(dir, one.c_str(), dir, other.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace srt
