// chmod(2), setxattr(2) and their relatives: what a file is, whatever it holds.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/broker/service.h"

namespace srt::platform {

OrErrno<UniqueFd> CallInService::subject(const Call& call) {
  UniqueFd file;
  OrErrno<std::string> path = std::string();
  if (!call.by_descriptor) path = caller_.text(call.name.path);
  if (!path) return failed(path.error());
  lock(needs_quiet(*path));
  if (call.by_descriptor || (path->empty() && (call.flags & AT_EMPTY_PATH) != 0)) {
    OrErrno<UniqueFd> held =
        call.name.folder == AT_FDCWD ? caller_.folder(AT_FDCWD) : caller_.held(call.name.folder);
    if (!held) return held;
    file = std::move(*held);
  } else {
    OrErrno<Place> named = place(call.name.folder, *path);
    if (!named) return failed(named.error());
    if ((call.flags & AT_SYMLINK_NOFOLLOW) != 0 && !named->slash) {
      file.reset(openat(named->folder.get(), named->name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!file) return failed(errno);
    } else {
      OrErrno<Place> end = paths_.follow(std::move(*named));
      if (!end) return failed(end.error());
      if (!end->file) return failed(ENOENT);
      file = std::move(end->file);
    }
  }
  if (!valid()) return failed(ENOENT);
  return file;
}

// A program that others run outside becomes the caller's user then, root perhaps: whoever may start it is past every
// rule. In a container its image needs them, and its users are its own.
bool CallInService::sets_ids(mode_t before, mode_t mode) const {
  constexpr mode_t kIds = S_ISUID | S_ISGID;
  return !service_.as_caller && S_ISREG(before) && (mode & kIds & ~before) != 0;
}

OrErrno<void> CallInService::may_change(int file, const Call& call) {
  struct stat info;
  if (fstat(file, &info) != 0) return failed(errno);
  if (S_ISLNK(info.st_mode)) return failed(EOPNOTSUPP);
  if (call.kind == Call::Kind::kMode && sets_ids(info.st_mode, call.mode)) {
    return failed(refused(Act::kAttributes, paths_.path_of(file), kSetsIds));
  }
  if (info.st_nlink == 0) return {};
  Act act = Act::kAttributes;
  if (call.kind == Call::Kind::kMode) {
    const mode_t changed = (info.st_mode ^ call.mode) & 07777;
    if (changed == 0) return {};
    if (changed == S_IXUSR) act = Act::kTryMode;
  }
  const std::string leads_to = paths_.path_of(file);
  if (leads_to.empty()) return {};  // a pipe, a socket
  // Standard input may be a file of the host's, or the terminal, which then was open to all its users.
  if (!service_.vantage.mounts.has(service_.vantage.proc.get(), file)) {
    return failed(refused(act, leads_to, "file of the host"));
  }
  const OrErrno<Verdict> verdict = judged(act, leads_to);
  if (!verdict) return failed(verdict.error());
  return {};
}

CallInService::Answer CallInService::change_mode(const Call& call) {
  if ((call.flags & ~uint64_t{AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW}) != 0) return error(EINVAL);
  OrErrno<UniqueFd> file = subject(call);
  if (!file) return error(file.error());
  if (OrErrno<void> may = may_change(file->get(), call); !may) return error(may.error());
  // Not through O_PATH.
  if (fchmod(file->get(), call.mode & 07777) == 0) return result(0);
  if (errno != EBADF) return error(errno);
  const std::string held = "self/fd/" + std::to_string(file->get());
  return result(fchmodat(service_.vantage.proc.get(), held.c_str(), call.mode & 07777, 0));
}

CallInService::Answer CallInService::change_attribute(const Call& call) {
  if (call.address_size > XATTR_SIZE_MAX) return error(E2BIG);
  const OrErrno<std::string> attribute = caller_.text(call.other.path);
  if (!attribute) return error(attribute.error() == ENAMETOOLONG ? ERANGE : attribute.error());
  OrErrno<std::string> read = caller_.bytes(call.address, call.address_size);
  if (!read) return error(read.error());
  const std::string value = *std::move(read);
  OrErrno<UniqueFd> file = subject(call);
  if (!file) return error(file.error());
  if (OrErrno<void> may = may_change(file->get(), call); !may) return error(may.error());
  // Both calls take a path from the working directory only.
  if (fchdir(service_.vantage.proc.get()) != 0) return error(errno);
  const std::string held = "self/fd/" + std::to_string(file->get());
  const int done = call.kind == Call::Kind::kRemoveAttribute
                       ? removexattr(held.c_str(), attribute->c_str())
                       : setxattr(held.c_str(), attribute->c_str(), value.data(), value.size(),
                                  call.attribute_flags);
  const int code = done == 0 ? 0 : errno;
  (void)chdir("/");
  return error(code);
}

}  // namespace srt::platform
