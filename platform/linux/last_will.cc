#include "platform/last_will.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace srt::platform {

Result<LastWill> LastWill::make(const std::vector<std::string>& arguments) {
  constexpr const char* kObject = "last will";
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(kObject, "pipe");
  UniqueFd watched(ends[0]);
  LastWill will;
  will.alive_.reset(ends[1]);
  // Held open: what is run is what runs now, whatever lies at its place then.
  UniqueFd program(open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!program) return fail_errno("/proc/self/exe", "open", errno, "mount /proc");
  std::vector<std::string> words = {"outlive", "3", "4"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  SRT_ASSIGN(will.executor_, Sidecar::spawn("srt-init", words, {watched.get(), program.get()}));
  return will;
}

}  // namespace srt::platform
