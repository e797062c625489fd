#include "shim/srt/streams.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "platform/fd.h"

namespace srt::shim {
namespace {

constexpr const char* kStreams[] = {"standard input", "standard output", "standard error"};

// From a folder the command could walk the whole tree, and write.
Result<void> check_folder(const char* stream, const struct stat& status) {
  if (!S_ISDIR(status.st_mode)) return {};
  return fail(stream, "is a folder, through which the command would reach past every rule",
              "lead it elsewhere, such as to /dev/null");
}

// Of a file that is open for reading the command could get another descriptor, to write (/proc/self/fd/0). What a
// sandbox inside does is not the broker's to judge.
Result<void> check_file(const char* stream, int fd, const struct stat& status,
                        const runtime::SandboxPolicy& policy) {
  const bool writable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
  const bool file = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
  const bool judged = !policy.flags.allow_nested_user_namespaces || policy.filesystem.disabled;
  if (!file || writable || judged) return {};
  return fail(
      stream,
      "is a file open for reading, which a sandbox inside (allowNestedUserNamespaces) could write",
      "put a pipe in between, as in: cat FILE | srt …");
}

// A socket of the host's network is past the guard, whoever has it. srt-broker lets the command do nothing with it but
// go on with what it is connected to, where that can be judged.
Result<void> check_socket(const char* stream, int fd, const runtime::SandboxPolicy& policy) {
  const OpenSocket socket = open_socket(fd);
  const bool judged =
      !policy.flags.allow_nested_user_namespaces && !policy.flags.allow_all_unix_sockets;
  if (!socket.open || (judged && socket.told)) return {};
  return fail(stream, "is a socket of the host's network, which the command could lead anywhere",
              "put a pipe in between, as in: … | srt … | …");
}

}  // namespace

Result<void> check_streams(const runtime::SandboxPolicy& policy) {
  for (int fd = 0; fd <= 2; ++fd) {
    const char* stream = kStreams[fd];
    struct stat status {};
    if (fstat(fd, &status) != 0) return fail_errno(stream, "fstat");
    SRT_TRY(check_folder(stream, status));
    SRT_TRY(check_file(stream, fd, status, policy));
    SRT_TRY(check_socket(stream, fd, policy));
  }
  return {};
}

}  // namespace srt::shim
