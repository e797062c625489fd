#include "runtime/pid_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/atomic_file.h"

namespace srt::runtime {

Result<void> write_pid_file(const std::string& path, pid_t pid) {
  if (path.empty()) return {};
  // The file is put in the place of what is there. `--pid-file /dev/null` by root would take the device from the host.
  struct stat there {};
  if (lstat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode)) {
    return fail("--pid-file " + path, "is no file, and would be replaced by one",
                "name a file, or leave the option out");
  }
  Result<void> done = replace_file_at(AT_FDCWD, path, std::to_string(pid), 0666);
  if (done) return done;
  Error error = done.error();
  error.object = "--pid-file " + error.object;
  return fail(std::move(error));
}

}  // namespace srt::runtime
