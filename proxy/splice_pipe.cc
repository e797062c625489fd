#include "proxy/splice_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace srt::proxy {
namespace {
constexpr int kPipeSize = 1 << 20;
constexpr int kWorthwhile = 64 << 10;  // below that, plain buffers are faster
constexpr size_t kIdle = 8;
}  // namespace

PipePool::~PipePool() {
  for (const SplicePipe& pipe : idle_) discard(pipe);
}

void PipePool::discard(SplicePipe pipe) {
  if (!pipe) return;
  close(pipe.read_end);
  close(pipe.write_end);
}

SplicePipe PipePool::take() {
  if (!idle_.empty()) {
    const SplicePipe pipe = idle_.back();
    idle_.pop_back();
    return pipe;
  }
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {};  // EMFILE, ENFILE
  const SplicePipe pipe{ends[0], ends[1]};
  // EPERM: over pipe-user-pages-soft, where new pipes also shrink to two pages.
  if (fcntl(pipe.write_end, F_SETPIPE_SZ, kPipeSize) < 0 &&
      fcntl(pipe.write_end, F_GETPIPE_SZ) < kWorthwhile) {
    discard(pipe);
    return {};
  }
  return pipe;
}

void PipePool::give_back(SplicePipe pipe) {
  if (idle_.size() < kIdle) {
    idle_.push_back(pipe);
  } else {
    discard(pipe);
  }
}

}  // namespace srt::proxy
