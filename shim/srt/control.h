// --control-fd: new settings for a running command, one JSON document a line.
//
// A line that is wrong is reported, and the last policy stays. What files may be read and written was
// settled when the sandbox was made; the network rules of a line apply at once.
#pragma once

#include <functional>
#include <string>

#include "oci/error.h"

namespace srt::shim {

class Control {
 public:
  using Apply = std::function<Result<void>(const std::string& document)>;
  // `fd` stays the caller's.
  Control(int fd, Apply apply) : fd_(fd), apply_(std::move(apply)) {}

  // Call when fd() is readable; false: its other end has gone. An error: it cannot be read, and nothing ever came.
  // Whoever sends rules there takes them to hold.
  Result<bool> take();
  int fd() const { return fd_; }

 private:
  static constexpr size_t kLongest = size_t{1} << 20;
  void take_lines();

  int fd_;
  Apply apply_;
  std::string pending_;
  bool heard_ = false;     // a line has come
  bool skipping_ = false;  // the rest of a line that was too long
};

}  // namespace srt::shim
