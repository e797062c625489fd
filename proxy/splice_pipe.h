// Pipes for splice(2): bulk bytes go from socket to socket without a visit to user space.
//
// A flow holds a pipe only while bytes are in it, so that thousands of idle tunnels share a few.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace srt::proxy {

struct SplicePipe {
  int read_end = -1, write_end = -1;
  explicit operator bool() const { return read_end >= 0; }
};

// Per platform: proxy/linux/, proxy/darwin/. None to be had: where there is no splice(2), always.
SplicePipe make_splice_pipe();
// As splice(2) does, without blocking. EINVAL: this socket cannot.
ssize_t splice_in(int socket, const SplicePipe& pipe, size_t most);
ssize_t splice_out(const SplicePipe& pipe, int socket, size_t size);

class PipePool {
 public:
  PipePool() = default;
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;
  ~PipePool();

  SplicePipe take();  // false: there is none to be had (descriptors, pipe-user-pages-soft)
  void give_back(SplicePipe pipe);  // must be empty
  static void discard(SplicePipe pipe);

 private:
  std::vector<SplicePipe> idle_;
};

// Holds a pipe for a scope; one with bytes still inside is closed, never shared.
class PipeLease {
 public:
  explicit PipeLease(PipePool& pool) : pool_(pool) {}
  PipeLease(const PipeLease&) = delete;
  PipeLease& operator=(const PipeLease&) = delete;
  ~PipeLease() { PipePool::discard(pipe_); }

  bool take() {
    if (!pipe_) pipe_ = pool_.take();
    return static_cast<bool>(pipe_);
  }
  void give_back() {
    if (pipe_) pool_.give_back(pipe_);
    pipe_ = {};
  }
  const SplicePipe& pipe() const { return pipe_; }

 private:
  PipePool& pool_;
  SplicePipe pipe_;
};

}  // namespace srt::proxy
