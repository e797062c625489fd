#include "platform/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

namespace srt::platform {

Result<FileWatch> FileWatch::open(int dir, const std::string& name) {
  UniqueFd fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  std::string path = "/proc/self/fd/" + std::to_string(dir);
  if (!fd || inotify_add_watch(fd.get(), path.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    return fail_errno(name, "watch");
  }
  return FileWatch(std::move(fd), dir, name);
}

void FileWatch::next() {
  char drained[4096];
  while (read(fd_.get(), drained, sizeof drained) > 0) {
  }
}

}  // namespace srt::platform
