// Darwin has no splice(2): tunnels copy through a buffer.
#include <cerrno>

#include "proxy/splice_pipe.h"

namespace srt::proxy {

SplicePipe make_splice_pipe() { return {}; }

ssize_t splice_in(int, const SplicePipe&, size_t) {
  errno = EINVAL;
  return -1;
}

ssize_t splice_out(const SplicePipe&, int, size_t) {
  errno = EINVAL;
  return -1;
}

}  // namespace srt::proxy
