// Linux: splice(2).
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "proxy/splice_pipe.h"

namespace srt::proxy {
namespace {
constexpr int kPipeSize = 1 << 20;
constexpr int kWorthwhile = 64 << 10;  // below that, plain buffers are faster
}  // namespace

SplicePipe make_splice_pipe() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {};  // EMFILE, ENFILE
  const SplicePipe pipe{ends[0], ends[1]};
  // EPERM: over pipe-user-pages-soft, where new pipes also shrink to two pages.
  if (fcntl(pipe.write_end, F_SETPIPE_SZ, kPipeSize) < 0 &&
      fcntl(pipe.write_end, F_GETPIPE_SZ) < kWorthwhile) {
    PipePool::discard(pipe);
    return {};
  }
  return pipe;
}

ssize_t splice_in(int socket, const SplicePipe& pipe, size_t most) {
  return splice(socket, nullptr, pipe.write_end, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

ssize_t splice_out(const SplicePipe& pipe, int socket, size_t size) {
  return splice(pipe.read_end, nullptr, socket, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

}  // namespace srt::proxy
