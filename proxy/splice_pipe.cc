#include "proxy/splice_pipe.h"

#include <unistd.h>

namespace srt::proxy {
namespace {
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
  return make_splice_pipe();
}

void PipePool::give_back(SplicePipe pipe) {
  if (idle_.size() < kIdle) {
    idle_.push_back(pipe);
  } else {
    discard(pipe);
  }
}

}  // namespace srt::proxy
