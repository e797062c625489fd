#include "platform/linux/namespaces.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

namespace srt::platform {

Result<UniqueFd> open_namespace(const char* object, const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct statfs filesystem;
  if (!fd || fstatfs(fd.get(), &filesystem) != 0) return fail_errno(object, path);
  if (filesystem.f_type != NSFS_MAGIC) {
    return fail(object, path + ": is no namespace", "name a file like /proc/PID/ns/net");
  }
  return fd;
}

}  // namespace srt::platform
