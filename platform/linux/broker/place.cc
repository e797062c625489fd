#include "platform/linux/broker/place.h"

#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <deque>
#include <string_view>

#include "platform/path_pattern.h"

namespace srt::platform {
namespace {

constexpr int kMaxLinks = 40;        // as the kernel's MAXSYMLINKS
constexpr ino_t kProcRootInode = 1;  // PROC_ROOT_INO

OrErrno<UniqueFd> open_path(int at, const std::string& path, uint64_t flags) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | flags;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, at, path.c_str(), &how, sizeof how)));
  if (!fd) return failed(errno);
  return fd;
}

OrErrno<std::string> link_text(int fd) {
  char text[PATH_MAX];
  const ssize_t size = readlinkat(fd, "", text, sizeof text);
  if (size < 0) return failed(errno);
  return std::string(text, static_cast<size_t>(size));
}

bool may_lead_to_caller(std::string_view path) {
  return path.starts_with("/proc") || path.starts_with("/dev");
}

}  // namespace

bool is_procfs(int fd) {
  struct statfs info;
  return fstatfs(fd, &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

std::string Place::path() const {
  if (folder_path.empty() || is_dots()) return folder_path;
  return folder_path == "/" ? "/" + name : folder_path + "/" + name;
}

std::string Paths::path_of(int fd) const {
  char text[PATH_MAX];
  const std::string link = std::to_string(fd);
  const ssize_t size = readlinkat(vantage_.own_files.get(), link.c_str(), text, sizeof text);
  if (size <= 0 || size == sizeof text || text[0] != '/') return {};
  return std::string(text, static_cast<size_t>(size));
}

// A working directory must be searchable, and getcwd(2) knows no deleted folder: then as any other file.
std::string Paths::path_of_folder(int fd) const {
  if (fchdir(fd) != 0) return path_of(fd);
  char text[PATH_MAX];
  const long size = syscall(SYS_getcwd, text, sizeof text);
  (void)fchdir(vantage_.root.get());  // keeps nobody from unmounting what it was
  if (size <= 1 || text[0] != '/') return path_of(fd);
  return std::string(text, static_cast<size_t>(size) - 1);
}

OrErrno<UniqueFd> Paths::reopen(int fd, int flags) const {
  const std::string link = std::to_string(fd);
  UniqueFd opened(openat(vantage_.own_files.get(), link.c_str(), flags | O_CLOEXEC));
  if (!opened) return failed(errno);
  return opened;
}

int Paths::watch(int inotify, int fd, uint32_t events) const {
  // It takes a path only, from the working directory, and the host's /proc has no other one here.
  if (fchdir(vantage_.proc.get()) != 0) return -1;
  const std::string link = "self/fd/" + std::to_string(fd);
  const int watch = inotify_add_watch(inotify, link.c_str(), events);
  (void)chdir("/");
  return watch;
}

OrErrno<UniqueFd> Paths::base(int folder, const std::string& path, int working) const {
  if (!caller_.has_sandbox_root()) return failed(EPERM);
  if (path.starts_with('/')) return open_path(AT_FDCWD, "/", O_DIRECTORY);
  OrErrno<UniqueFd> opened =
      working < 0 ? caller_.folder(folder) : UniqueFd(fcntl(working, F_DUPFD_CLOEXEC, 0));
  if (opened && !vantage_.mounts.has(vantage_.proc.get(), opened->get())) return failed(EPERM);
  return opened;
}

namespace {

// A path's text, taken apart before its last component. It names something.
struct Spelled {
  explicit Spelled(const std::string& path) {
    const size_t end = path.find_last_not_of('/');
    const size_t last = path.rfind('/', end);
    slash = end + 1 != path.size();
    name = path.substr(last + 1, end - last);  // npos + 1 is 0
    if (last != std::string::npos) above = path.substr(0, last);
  }
  std::string above, name;
  bool slash;
};

bool names_something(const std::string& path) {
  return path.find_last_not_of('/') != std::string::npos;
}

}  // namespace

bool Paths::are_beside(const Call::Name& one, const std::string& one_path, const Call::Name& other,
                       const std::string& other_path) {
  if (!names_something(one_path) || !names_something(other_path)) return false;
  if (one_path.starts_with('/') != other_path.starts_with('/')) return false;
  return (one.folder == other.folder || one_path.starts_with('/')) &&
         Spelled(one_path).above == Spelled(other_path).above;
}

OrErrno<Place> Paths::beside(const Place& known, const std::string& path) const {
  Spelled spelled(path);
  if (spelled.name.size() > NAME_MAX) return failed(ENAMETOOLONG);
  Place place;
  place.folder.reset(fcntl(known.folder.get(), F_DUPFD_CLOEXEC, 0));
  if (!place.folder) return failed(errno);
  place.folder_path = known.folder_path;
  place.name = std::move(spelled.name);
  place.slash = spelled.slash;
  return place;
}

OrErrno<Place> Paths::parent(int folder, const std::string& path, int working) const {
  if (path.empty()) return failed(ENOENT);
  if (!names_something(path)) {  // the root itself
    OrErrno<UniqueFd> root = base(folder, path, working);
    if (!root) return failed(root.error());
    return Place{std::move(*root), "/", ".", true, {}};
  }
  Spelled spelled(path);
  Place place;
  place.slash = spelled.slash;
  place.name = std::move(spelled.name);
  if (place.name.size() > NAME_MAX) return failed(ENAMETOOLONG);
  const std::string& above = spelled.above;
  // The root, where most paths begin, is ours too and need not be opened.
  const bool from_root = path.starts_with('/') && !above.empty() && !may_lead_to_caller(path);
  if (from_root && !caller_.has_sandbox_root()) return failed(EPERM);
  OrErrno<UniqueFd> from = from_root ? UniqueFd() : base(folder, path, working);
  if (!from) return failed(from.error());
  if (!may_lead_to_caller(path)) {
    if (above.empty()) {
      place.folder = std::move(*from);
    } else if (OrErrno<UniqueFd> opened = open_path(from->get(), above, O_DIRECTORY)) {
      place.folder = std::move(*opened);
    } else if (opened.error() != ELOOP && opened.error() != ENOENT) {
      return failed(opened.error());
    }
  }
  if (!place.folder || is_procfs(place.folder.get())) {
    if (!above.empty()) {
      if (from_root) from = base(folder, path, working);
      if (!from) return failed(from.error());
      OrErrno<Place> walked = walk(std::move(*from), above + "/.", true);
      if (!walked) return failed(walked.error());
      if (!walked->file) return failed(ENOENT);
      place.folder = std::move(walked->folder);
    } else if (!place.folder) {
      place.folder = std::move(*from);
    }
  }
  place.folder_path = path_of_folder(place.folder.get());
  return place;
}

bool Paths::stays(int working, const std::string& path, const Place& place) const {
  const bool absolute = path.starts_with('/');
  const std::string above = Spelled(path).above;
  const OrErrno<UniqueFd> folder = open_path(absolute ? AT_FDCWD : working,
                                             !above.empty() ? above
                                             : absolute     ? "/"
                                                            : ".",
                                             O_DIRECTORY);
  struct stat there, judged;
  return folder && fstat(folder->get(), &there) == 0 && fstat(place.folder.get(), &judged) == 0 &&
         there.st_dev == judged.st_dev && there.st_ino == judged.st_ino;
}

OrErrno<Place> Paths::follow(Place place) const {
  OrErrno<Place> end = walk(std::move(place.folder), place.spelled(), true);
  return end;
}

OrErrno<UniqueFd> Paths::whole(int folder, const std::string& path) const {
  if (path.empty()) return caller_.descriptor(folder);
  OrErrno<Place> place = parent(folder, path);
  if (!place) return failed(place.error());
  OrErrno<Place> end = follow(std::move(*place));
  if (!end) return failed(end.error());
  if (!end->file) return failed(ENOENT);
  return std::move(end->file);
}

namespace {

// One walk of a path whose links may mean the caller.
struct Walk {
  const Caller& caller;
  UniqueFd at;
  std::deque<std::string> rest;
  int links = 0;

  void prepend(std::string_view path) {
    PathComponents parts = components(path);
    if (path.ends_with('/')) rest.push_front(".");
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      rest.push_front(std::string(*part));
    }
  }

  // /proc's own names for whoever looks: the caller, by its number there.
  OrErrno<bool> substitute(const std::string& name) {
    if (name != "self" && name != "thread-self") return false;
    struct stat info;
    if (!is_procfs(at.get()) || fstat(at.get(), &info) != 0 || info.st_ino != kProcRootInode) {
      return false;
    }
    const OrErrno<Caller::Status> status = caller.status();
    if (!status) return failed(status.error());
    std::string process = std::to_string(status->inner_pid);
    if (name == "thread-self") process += "/task/" + std::to_string(status->inner_tid);
    prepend(process);
    return true;
  }

  // Whether a folder of procfs is about the caller. What is the caller's own it may see even if it is
  // not dumpable; of others it sees what its user may.
  bool is_own(const std::string& folder) const {
    const OrErrno<Caller::Status> status = caller.status();
    return status && is_procfs(at.get()) &&
           (folder + "/").find("/" + std::to_string(status->inner_pid) + "/") != std::string::npos;
  }

  OrErrno<UniqueFd> own_descriptor(const std::string& folder, const std::string& number) const {
    int fd = -1;
    const char* end = number.data() + number.size();
    const auto parsed = std::from_chars(number.data(), end, fd);
    if (parsed.ec != std::errc() || parsed.ptr != end || !folder.ends_with("/fd")) {
      return failed(EACCES);
    }
    if (!is_own(folder)) return failed(EACCES);
    OrErrno<UniqueFd> found = caller.descriptor(fd);
    if (!found) return failed(found.error() == EBADF ? ENOENT : found.error());
    return found;
  }

  // Links of procfs that lead to what is open, not to what a text says.
  bool is_magic(const std::string& name) const {
    if (!is_procfs(at.get())) return false;
    const OrErrno<UniqueFd> through = open_path(at.get(), name, 0);
    return !through && (through.error() == ELOOP || through.error() == EACCES);
  }

  OrErrno<void> read_link(int link) {
    const OrErrno<std::string> text = link_text(link);
    if (!text) return failed(text.error());
    prepend(*text);
    if (!text->starts_with('/')) return {};
    OrErrno<UniqueFd> root = open_path(AT_FDCWD, "/", O_DIRECTORY);
    if (!root) return failed(root.error());
    at = std::move(*root);
    return {};
  }

  // A link that is not text but leads straight to an open file, a folder, a namespace.
  OrErrno<UniqueFd> magic_target(const std::string& folder, const std::string& name) const {
    UniqueFd target(openat(at.get(), name.c_str(), O_PATH | O_CLOEXEC));
    if (!target && errno == EACCES && is_own(folder)) {
      PtraceCapability raised;
      target.reset(openat(at.get(), name.c_str(), O_PATH | O_CLOEXEC));
    }
    if (!target) return failed(errno);
    return target;
  }
};

}  // namespace

// Where a link that is not text, or a descriptor of the caller's, leads to. Outside of the sandbox's
// mounts it is no way to anywhere else, and only as writable as the caller's own open file is.
OrErrno<void> Paths::judge_jump(int target, bool for_writing, bool last, Place& place) const {
  if (vantage_.mounts.has(vantage_.proc.get(), target)) return {};
  if (!last) return failed(EPERM);
  place.read_only = !for_writing;
  return {};
}

OrErrno<Place> Paths::walk(UniqueFd from, const std::string& path, bool follow_last) const {
  Walk walk{caller_, std::move(from), {}};
  walk.prepend(path);
  Place place;
  while (!walk.rest.empty()) {
    const std::string name = std::move(walk.rest.front());
    walk.rest.pop_front();
    const bool last = walk.rest.empty();
    if (name == ".")
      continue;  // without a look: it may be a folder that only its owner may look into
    OrErrno<bool> substituted = walk.substitute(name);
    if (!substituted) return failed(substituted.error());
    if (*substituted) continue;
    OrErrno<UniqueFd> entry = open_path(walk.at.get(), name, O_NOFOLLOW);
    if (!entry && entry.error() == EACCES) {
      entry = walk.own_descriptor(path_of(walk.at.get()), name);
      if (!entry) return failed(EACCES);
      const bool for_writing = (fcntl(entry->get(), F_GETFL) & O_ACCMODE) != O_RDONLY;
      const OrErrno<void> judged = judge_jump(entry->get(), for_writing, last, place);
      if (!judged) return failed(judged.error());
    }
    if (!entry) {
      const bool absent =
          entry.error() == ENOENT && (last || walk.rest == std::deque<std::string>{"."});
      if (!absent) return failed(entry.error());
      place.name = name;
      place.slash = !last;
      break;
    }
    struct stat info;
    if (fstat(entry->get(), &info) != 0) return failed(errno);
    if (S_ISLNK(info.st_mode) && (follow_last || !last)) {
      if (++walk.links > kMaxLinks) return failed(ELOOP);
      if (!walk.is_magic(name)) {
        const OrErrno<void> read = walk.read_link(entry->get());
        if (!read) return failed(read.error());
        continue;
      }
      const bool for_writing = (info.st_mode & S_IWUSR) != 0;  // proc_fd_link()'s mode
      entry = walk.magic_target(path_of(walk.at.get()), name);
      if (!entry) return failed(entry.error());
      const OrErrno<void> judged = judge_jump(entry->get(), for_writing, last, place);
      if (!judged) return failed(judged.error());
      if (fstat(entry->get(), &info) != 0) return failed(errno);
    }
    if (last) {
      place.name = name;
      place.file = std::move(*entry);
      break;
    }
    if (!S_ISDIR(info.st_mode)) return failed(ENOTDIR);
    walk.at = std::move(*entry);
  }
  place.folder = std::move(walk.at);
  place.folder_path = path_of_folder(place.folder.get());
  // A last "." is the folder itself, which parent() asks for; a link to "/" has no name at all.
  if (place.name.empty()) {
    place.name = ".";
    place.file.reset(fcntl(place.folder.get(), F_DUPFD_CLOEXEC, 0));
  }
  return place;
}

}  // namespace srt::platform
