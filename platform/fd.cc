#include "platform/fd.h"

#include <fcntl.h>
#include <unistd.h>

namespace srt {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Result<std::string> read_file_at(int dir, const std::string& path, size_t limit) {
  UniqueFd fd(openat(dir, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(path, "open");
  return read_rest(fd.get(), path, limit);
}

Result<std::string> read_rest(int fd, const std::string& name, size_t limit) {
  std::string text;
  char buffer[16384];
  for (;;) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(name, "read");
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > limit) {
      return fail_errno(name, "is over " + std::to_string(limit) + " bytes", EFBIG);
    }
  }
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  return read_file_at(AT_FDCWD, path, limit);
}

Result<void> write_file_at(int dir, const std::string& path, std::string_view text) {
  UniqueFd fd(openat(dir, path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(path, "open");
  ssize_t n;
  do {
    n = write(fd.get(), text.data(), text.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno(path, "write \"" + std::string(text) + "\"");
  if (static_cast<size_t>(n) != text.size()) return fail(path, "short write");
  return {};
}

Result<void> write_file(const std::string& path, std::string_view text) {
  return write_file_at(AT_FDCWD, path, text);
}

}  // namespace srt
