#include "runtime/policy_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "platform/fd.h"
#include "runtime/settings.h"

namespace srt::runtime {
namespace {

// Within a user namespace (an engine that runs without root) the host's root is nobody's number: files
// of users that the namespace does not know show the same one, and none of those can be told apart.
bool is_unmapped(uid_t uid) {
  constexpr uid_t kOverflow = 65534;
  if (uid != kOverflow) return false;
  const Result<std::string> map = read_file("/proc/self/uid_map", 4096);
  return map && map->find("4294967295") == std::string::npos;
}

Result<void> check_operator(const std::string& path, const struct stat& status) {
  const bool own = status.st_uid == 0 || status.st_uid == geteuid() || is_unmapped(status.st_uid);
  if (!own) {
    return fail(path, "belongs to user " + std::to_string(status.st_uid),
                "an operator's policy belongs to root or to the user who runs this program");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(path, "can be written by others than its owner", "chmod go-w " + path);
  }
  return {};
}

std::string mend_of(int code) {
  switch (code) {
    case EACCES: return "who runs this must be able to read it";
    case ENOENT: return "it is a symbolic link that leads nowhere";
    case ENOTDIR: return "what stands in front of the last \"/\" is no folder";
    default: return {};
  }
}

Result<std::string> read_open(int fd, const std::string& path) {
  std::string text;
  while (text.size() <= kMaxSettings) {
    char buffer[16384];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(path, "read");
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
  return fail(path, "is larger than " + std::to_string(kMaxSettings) + " bytes",
              "patterns say more in less, such as \"**/*.pem\"");
}

}  // namespace

Result<std::optional<std::string>> read_policy_file_if_any(const std::string& path,
                                                           PolicyAuthor author) {
  // O_NONBLOCK: the open of a FIFO without a writer would wait for one.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    const int code = errno;
    struct stat link {};
    // A symbolic link that leads nowhere is a policy that cannot be read.
    const bool missing = code == ENOENT && ::lstat(path.c_str(), &link) != 0 && errno == ENOENT;
    if (missing) return std::optional<std::string>();
    return fail_errno(path, "open", code, mend_of(code));
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(path, "fstat");
  if (!S_ISREG(status.st_mode)) {
    return fail(path, "is not a regular file", "name a file that holds one JSON object");
  }
  if (author == PolicyAuthor::kOperator) SRT_TRY(check_operator(path, status));
  SRT_ASSIGN(std::string text, read_open(fd.get(), path));
  return std::optional<std::string>(std::move(text));
}

Result<std::string> read_policy_file(const std::string& path, PolicyAuthor author) {
  SRT_ASSIGN(std::optional<std::string> text, read_policy_file_if_any(path, author));
  if (!text) return fail_errno(path, "open", ENOENT);
  return std::move(*text);
}

}  // namespace srt::runtime
