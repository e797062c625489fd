#include "oci/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/json.h"
#include "oci/parse.h"

namespace srt::oci {
namespace {

class File {
 public:
  // O_NONBLOCK: the open of a FIFO without a writer would wait for one.
  explicit File(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> too_large(const std::string& path) {
  return fail(path, "is larger than " + std::to_string(kMaxDocument) + " bytes");
}

Result<std::string> read_to_end(const File& file, const std::string& path, size_t expected) {
  std::string text;
  // One byte more than the file had, to see its end in the first read.
  size_t room = expected + 1;
  while (true) {
    const size_t used = text.size();
    if (used > kMaxDocument) return too_large(path);
    text.resize(used + room);
    const ssize_t got = ::read(file.fd(), text.data() + used, room);
    if (got < 0 && errno != EINTR) return fail_errno(path, "read");
    text.resize(used + static_cast<size_t>(got < 0 ? 0 : got));
    if (got == 0) return text;
    room = 4096;
  }
}

// A file that the caller named may be a pipe of his (`--process <(…)`, `--resources /dev/stdin`).
enum class Pipes { kNone, kAllowed };

Result<std::string> read_file(const std::string& path, const std::string& mend, Pipes pipes) {
  const File file(path);
  if (file.fd() < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return fail_errno(path, "open", errno, missing ? mend : std::string());
  }
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) return fail_errno(path, "fstat");
  if (pipes == Pipes::kAllowed && S_ISFIFO(status.st_mode)) {
    ::fcntl(file.fd(), F_SETFL, 0);  // its writer may still be busy
    return read_to_end(file, path, 0);
  }
  if (!S_ISREG(status.st_mode)) return fail(path, "is not a regular file");
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size > kMaxDocument) return too_large(path);
  return read_to_end(file, path, size);
}

// What to do about a bundle without a config.json.
std::string make_one(const std::string& dir) {
  struct stat status {};
  if (::stat(dir.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return "a bundle is a directory with a config.json: srt-runtime spec -b " + dir + " writes one";
  }
  return "there is no such directory; give the bundle's with --bundle";
}

}  // namespace

Result<Spec> load_spec(const std::string& dir) {
  const std::string path = dir + (dir.ends_with('/') ? "" : "/") + "config.json";
  SRT_ASSIGN(const std::string text, read_file(path, make_one(dir), Pipes::kNone));
  SRT_ASSIGN(Spec spec, parse_spec(text, path));
  return spec;
}

Result<Spec> load_spec_file(const std::string& path) {
  SRT_ASSIGN(const std::string text, read_file(path, {}, Pipes::kAllowed));
  SRT_ASSIGN(Spec spec, parse_spec(text, path));
  return spec;
}

Result<Process> load_process(const std::string& path) {
  SRT_ASSIGN(const std::string text, read_file(path, {}, Pipes::kAllowed));
  SRT_ASSIGN(Process process, parse_process(text, path));
  return process;
}

Result<Resources> load_resources(const std::string& path) {
  SRT_ASSIGN(const std::string text, read_file(path, {}, Pipes::kAllowed));
  SRT_ASSIGN(Resources resources, parse_resources(text, path));
  return resources;
}

}  // namespace srt::oci
