// What is done when this process is killed: by SIGKILL, which leaves it no time to clean up after itself.
//
//   SRT_ASSIGN(const LastWill will, LastWill::make({"srt", "--forget", folder, id}));
//   … what may leave something behind …
//   // goes with the object: whoever ends in an orderly way has cleaned up
//
// Our own program, with these arguments, is run by a small process that otherwise only sleeps: in a session of its
// own, without any descriptor or environment of ours, out of reach of what runs in a sandbox. macOS: nothing is
// done, the next run sweeps.
#pragma once

#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/sidecar.h"

namespace srt::platform {

class LastWill {
 public:
  // `arguments` begin with the program's name. Forks: the caller must be single-threaded.
  static Result<LastWill> make(const std::vector<std::string>& arguments);

 private:
  // Its end tells of ours. Declared first: the process is gone before it closes.
  UniqueFd alive_;
  Sidecar executor_;
};

}  // namespace srt::platform
