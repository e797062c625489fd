#include "runtime/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "platform/fd.h"

namespace srt::runtime {

Result<void> replace_file_at(int dir, const std::string& path, std::string_view text, mode_t mode) {
  size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  // The pid keeps two writers of one path apart. O_EXCL never follows a planted link; what a killed
  // writer with this pid left is taken away.
  std::string beside =
      path.substr(0, name) + "." + path.substr(name) + "." + std::to_string(getpid());
  auto make = [&] {
    return UniqueFd(openat(dir, beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  };
  UniqueFd fd = make();
  if (!fd && errno == EEXIST && unlinkat(dir, beside.c_str(), 0) == 0) fd = make();
  if (!fd) return fail_errno(path, "write");
  while (!text.empty()) {
    ssize_t n = write(fd.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      int code = errno;
      unlinkat(dir, beside.c_str(), 0);
      return fail_errno(path, "write", code);
    }
    text.remove_prefix(static_cast<size_t>(n));
  }
  // No fsync: a state that outlived a crash of the host would name processes that did not.
  //
  // An exchange where there is a file already: ext4 writes a file to the disk at once when it is renamed
  // over another (auto_da_alloc), which costs a millisecond, and a container's state lives for less.
  if (exchange_at(dir, beside, path)) {
    if (unlinkat(dir, beside.c_str(), 0) == 0) return {};
    int code = errno;  // it was a folder: back with it
    (void)exchange_at(dir, beside, path);
    unlinkat(dir, beside.c_str(), 0);
    return fail_errno(path, "rename", code);
  }
  if (renameat(dir, beside.c_str(), dir, path.c_str()) != 0) {
    int code = errno;
    unlinkat(dir, beside.c_str(), 0);
    return fail_errno(path, "rename", code);
  }
  return {};
}

}  // namespace srt::runtime
