#include "platform/linux/namespaces.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <string>

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

Result<uint64_t> foreign_namespaces(pid_t pid) {
  uint64_t flags = 0;
  for (const NamespaceKind& kind : kNamespaces) {
    std::string own = std::string("/proc/self/ns/") + kind.proc_name;
    std::string theirs = "/proc/" + std::to_string(pid) + "/ns/" + kind.proc_name;
    struct stat ours, others;
    if (stat(own.c_str(), &ours) != 0) continue;  // this kernel has no such namespace
    if (stat(theirs.c_str(), &others) != 0) return fail_errno("namespaces", theirs);
    if (ours.st_ino != others.st_ino) flags |= kind.clone_flag;
  }
  return flags;
}

}  // namespace srt::platform
