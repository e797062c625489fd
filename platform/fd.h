// Descriptors with an owner. Everything here is opened CLOEXEC: a descriptor reaches another
// program only where its number is handed over on purpose.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "oci/error.h"

namespace srt {

// Owns one descriptor and closes it. Move-only; not thread-safe; after fork both sides own a copy.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// The whole of a small file (procfs, sysfs, state); fails with EFBIG over `limit` bytes.
Result<std::string> read_file(const std::string& path, size_t limit = 16 << 20);
Result<std::string> read_file_at(int dir, const std::string& path, size_t limit = 16 << 20);
// What is left in a descriptor that is open already; `name` is for messages.
Result<std::string> read_rest(int fd, const std::string& name, size_t limit = 16 << 20);
// One open, one write: what kernel control files want.
Result<void> write_file(const std::string& path, std::string_view text);
Result<void> write_file_at(int dir, const std::string& path, std::string_view text);

struct Pipe {
  UniqueFd read_end, write_end;
};
Result<Pipe> make_pipe();

// Where the file that is open has its name; "" where it has none, as a pipe of pipe(2) has none.
std::string name_of_file(int fd);

// Whether a descriptor is a socket that can be led somewhere else than where it leads now, or be listened on. `told`:
// whether the kernel tells, at any time, of which network it is (Linux 5.14).
struct OpenSocket {
  bool open = false, told = false;
};
OpenSocket open_socket(int fd);

// Two files of a folder change their names in one step. False, with errno: nothing was done.
bool exchange_at(int dir, const std::string& one, const std::string& other);

}  // namespace srt
