#include "runtime/pid_file.h"

#include <fcntl.h>

#include "runtime/atomic_file.h"

namespace srt::runtime {

Result<void> write_pid_file(const std::string& path, pid_t pid) {
  if (path.empty()) return {};
  Result<void> done = replace_file_at(AT_FDCWD, path, std::to_string(pid), 0666);
  if (done) return done;
  Error error = done.error();
  error.object = "--pid-file " + error.object;
  return fail(std::move(error));
}

}  // namespace srt::runtime
