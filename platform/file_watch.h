// Tells that a file has grown, or that another one has taken its name: for who reads a log on.
#pragma once

#include <string>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

class FileWatch {
 public:
  // `dir` stays the caller's and open.
  static Result<FileWatch> open(int dir, const std::string& name);

  int fd() const { return fd_.get(); }  // readable: look at the file, after next()
  void next();

 private:
  FileWatch(UniqueFd fd, int dir, std::string name)
      : fd_(std::move(fd)), dir_(dir), name_(std::move(name)) {}
  UniqueFd fd_;
  [[maybe_unused]] int dir_;  // Linux has no use for it
  std::string name_;
  UniqueFd file_;  // where it is the file that is watched, and not its folder
};

}  // namespace srt::platform
