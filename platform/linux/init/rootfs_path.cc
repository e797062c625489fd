#include "platform/linux/init/rootfs_path.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/linux/init/report.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

using Path = FixedText<PATH_MAX>;

int make_component(int parent, const char* name, bool as_file) {
  if (as_file) {
    int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) close(fd);
    return fd < 0 && errno != EEXIST ? -1 : 0;
  }
  return mkdirat(parent, name, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

}  // namespace

int open_in_root(int root, const char* path, uint64_t flags) {
  while (*path == '/') ++path;
  if (*path == '\0') path = ".";
  // RESOLVE_IN_ROOT asks for a retry (EAGAIN) when a rename races a ".." lookup.
  for (int tries = 0;; ++tries) {
    int fd = sys::openat2(root, path, O_PATH | flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 || errno != EAGAIN || tries == 128) return fd;
  }
}

int open_or_make_in_root(int root, std::string_view given, Missing last) {
  Path path;
  path << given;
  if (path.full()) return errno = ENAMETOOLONG, -1;
  int links = 0;
restart:
  int whole = open_in_root(root, path.c_str());
  if (whole >= 0 || errno != ENOENT) return whole;

  // Walk the prefixes: each one is resolved afresh by the kernel, so no step trusts an earlier look.
  // Mostly only the last component is missing: then the walk begins there.
  std::string_view text = path.view();
  Path prefix;
  size_t at = 0;
  if (size_t end = text.find_last_not_of('/'); end != std::string_view::npos) {
    const size_t slash = text.rfind('/', end);
    if (slash != std::string_view::npos && slash > 0) {
      Path parent;
      parent << text.substr(0, slash);
      if (int fd = open_in_root(root, parent.c_str()); fd >= 0) {
        close(fd);
        prefix = parent;
        at = slash;
      }
    }
  }
  while (at < text.size()) {
    while (at < text.size() && text[at] == '/') ++at;
    size_t end = text.find('/', at);
    if (end == std::string_view::npos) end = text.size();
    std::string_view component = text.substr(at, end - at);
    if (component.empty()) break;
    bool is_last = text.find_first_not_of('/', end) == std::string_view::npos;

    Path next;
    next << prefix.view() << "/" << component;
    int fd = open_in_root(root, next.c_str());
    if (fd < 0) {
      if (errno != ENOENT) return -1;
      int parent = open_in_root(root, prefix.c_str(), O_DIRECTORY);
      if (parent < 0) return -1;
      FixedText<NAME_MAX + 2> name;
      name << component;
      char target[PATH_MAX];
      ssize_t n = readlinkat(parent, name.c_str(), target, sizeof target - 1);
      if (n >= 0) {  // dangling: make what it points at, inside the root
        close(parent);
        if (++links > 40) return errno = ELOOP, -1;
        target[n] = '\0';
        Path resolved;
        if (target[0] != '/') resolved << prefix.view() << "/";
        resolved << std::string_view(target, static_cast<size_t>(n)) << text.substr(end);
        if (resolved.full()) return errno = ENAMETOOLONG, -1;
        path = resolved;
        goto restart;
      }
      bool made = component != ".." &&
                  make_component(parent, name.c_str(), is_last && last == Missing::kFile) == 0;
      int error = component == ".." ? ENOENT : errno;
      close(parent);
      if (!made) return errno = error, -1;
    } else {
      close(fd);
    }
    prefix = next;
    at = end;
  }
  return open_in_root(root, path.c_str());
}

int open_parent_in_root(int root, std::string_view path, std::string_view* name) {
  size_t slash = path.rfind('/');
  *name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  std::string_view parent = slash == std::string_view::npos ? "" : path.substr(0, slash);
  return open_or_make_in_root(root, parent.empty() ? "/" : parent, Missing::kDirectory);
}

}  // namespace srt::init
