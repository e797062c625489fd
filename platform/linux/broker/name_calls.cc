// Names: folders, nodes, links, their removal and renaming.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "platform/linux/broker/service.h"
#include "platform/linux/broker/vet.h"

namespace srt::platform {
namespace {

constexpr const char* kSocketRule = "unix socket";
constexpr unsigned kNoReplace = 1, kExchange = 2;  // RENAME_NOREPLACE, RENAME_EXCHANGE

FileKind kind_of(const struct stat& info) {
  if (S_ISREG(info.st_mode)) return FileKind::kRegular;
  if (S_ISDIR(info.st_mode)) return FileKind::kFolder;
  return S_ISLNK(info.st_mode) ? FileKind::kSymlink : FileKind::kOther;
}

FileKind kind_at(const Place& place) {
  struct stat info;
  if (fstatat(place.folder.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return FileKind::kNone;
  }
  return kind_of(info);
}

}  // namespace

CallInService::Answer CallInService::make_folder(const Call& call) {
  OrErrno<Place> at = place(call.name);
  if (!at) return error(at.error());
  // `mkdir -p` asks for every folder on the way.
  if (kind_at(*at) != FileKind::kNone) return error(EEXIST);
  if (OrErrno<void> taken = take_umask(); !taken) return error(taken.error());
  if (!valid()) return error(ENOENT);
  if (!at->is_dots()) {
    OrErrno<Verdict> verdict = judged(Act::kMakeFolder, at->path());
    if (!verdict) return error(verdict.error());
  }
  if (mkdirat(at->folder.get(), at->spelled().c_str(), call.mode) != 0) return error(errno);
  service_.made.note(at->folder.get(), at->name.c_str());
  return error(0);
}

CallInService::Answer CallInService::make_node(const Call& call) {
  OrErrno<Place> at = place(call.name);
  if (!at) return error(at.error());
  const mode_t kind = (call.mode & S_IFMT) == 0 ? mode_t{S_IFREG} : call.mode & S_IFMT;
  if (sets_ids(kind, call.mode)) return error(refused(Act::kMakeOther, at->path(), kSetsIds));
  if (OrErrno<void> taken = take_umask(); !taken) return error(taken.error());
  if (!valid()) return error(ENOENT);
  if (!at->is_dots()) {
    OrErrno<Verdict> verdict = judged(Act::kMakeOther, at->path());
    if (!verdict) return error(verdict.error());
  }
  return result(
      mknodat(at->folder.get(), at->spelled().c_str(), call.mode, static_cast<dev_t>(call.device)));
}

CallInService::Answer CallInService::symlink(const Call& call) {
  const OrErrno<std::string> text = caller_.text(call.other.path);
  if (!text) return error(text.error());
  OrErrno<Place> at = place(call.name);
  if (!at) return error(at.error());
  if (!valid()) return error(ENOENT);
  if (!at->is_dots()) {
    OrErrno<Verdict> verdict = judged(Act::kMakeSymlink, at->path());
    if (!verdict) return error(verdict.error());
  }
  return result(symlinkat(text->c_str(), at->folder.get(), at->spelled().c_str()));
}

CallInService::Answer CallInService::link(const Call& call) {
  const OrErrno<std::string> text = caller_.text(call.name.path);
  if (!text) return error(text.error());
  OrErrno<Place> to = place(call.other, needs_quiet(*text));
  if (!to) return error(to.error());
  const bool by_descriptor = text->empty() && (call.flags & AT_EMPTY_PATH) != 0;
  if ((call.flags & ~uint64_t{AT_EMPTY_PATH | AT_SYMLINK_FOLLOW}) != 0) return error(EINVAL);
  // What is linked is held by a descriptor, so that it is what was judged.
  Place from;
  if (by_descriptor) {
    OrErrno<UniqueFd> file = caller_.descriptor(call.name.folder);
    if (!file) return error(file.error());
    from.file = std::move(*file);
  } else {
    OrErrno<Place> named = paths_.parent(call.name.folder, *text);
    if (!named) return error(named.error());
    from = std::move(*named);
  }
  if (!valid()) return error(ENOENT);
  if (!by_descriptor && (call.flags & AT_SYMLINK_FOLLOW) != 0) {
    OrErrno<Place> end = paths_.follow(std::move(from));
    if (!end) return error(end.error());
    if (!end->file) return error(ENOENT);
    from = std::move(*end);
  }
  struct stat info;
  if (from.file) {
    if (fstat(from.file.get(), &info) != 0) return error(errno);
  } else if (fstatat(from.folder.get(), from.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return error(errno);
  }
  if (S_ISDIR(info.st_mode)) return error(EPERM);
  const int held = from.file ? from.file.get() : from.folder.get();
  if (opens_socket(held, from.file ? "" : from.name.c_str(), info, to->path())) {
    return error(refused(Act::kMakeLink, to->path(), kSocketRule));
  }
  if (info.st_nlink != 0) {  // else from O_TMPFILE, or deleted: no name to protect
    const std::string path = from.file ? paths_.path_of(from.file.get()) : from.path();
    if (OrErrno<Verdict> verdict = judged(Act::kLinkFrom, path); !verdict) {
      return error(verdict.error());
    }
  }
  if (!to->is_dots()) {
    OrErrno<Verdict> verdict = judged(Act::kMakeLink, to->path());
    if (!verdict) return error(verdict.error());
  }
  if (!from.file) {
    return result(linkat(from.folder.get(), from.spelled().c_str(), to->folder.get(),
                         to->spelled().c_str(), 0));
  }
  const std::string link = "self/fd/" + std::to_string(from.file.get());
  return result(linkat(service_.vantage.proc.get(), link.c_str(), to->folder.get(),
                       to->spelled().c_str(), AT_SYMLINK_FOLLOW));
}

CallInService::Answer CallInService::remove(const Call& call) {
  OrErrno<Place> at = place(call.name);
  if (!at) return error(at.error());
  if (!valid()) return error(ENOENT);
  if (!at->is_dots()) {
    OrErrno<Verdict> verdict = judged(Act::kRemove, at->path());
    if (!verdict) return error(verdict.error());
  }
  return result(unlinkat(at->folder.get(), at->spelled().c_str(), static_cast<int>(call.flags)));
}

bool CallInService::moves_socket(const Place& from, const Place& to) {
  struct stat info;
  return fstatat(from.folder.get(), from.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         opens_socket(from.folder.get(), from.name.c_str(), info, to.path());
}

CallInService::Answer CallInService::rename(const Call& call) {
  // Both before the lock: memory that is slow to read must not hold up others, the neighbours among them.
  const OrErrno<std::string> old_name = caller_.text(call.name.path);
  if (!old_name) return error(old_name.error());
  const OrErrno<std::string> new_name = caller_.text(call.other.path);
  if (!new_name) return error(new_name.error());
  OrErrno<Place> from = place(call.name.folder, *old_name, true);
  if (!from) return error(from.error());
  // Most files get a new name in their old folder.
  OrErrno<Place> to = Paths::are_beside(call.name, *old_name, call.other, *new_name)
                          ? paths_.beside(*from, *new_name)
                          : place(call.other.folder, *new_name, true);
  if (!to) return error(to.error());
  const auto flags = static_cast<unsigned>(call.flags);
  // RENAME_WHITEOUT leaves a device behind under the name that was judged to go away.
  if ((flags & ~(kNoReplace | kExchange)) != 0) return error(EINVAL);
  if (!valid()) return error(ENOENT);
  auto perform = [&] {
    return result(
        static_cast<int>(syscall(SYS_renameat2, from->folder.get(), from->spelled().c_str(),
                                 to->folder.get(), to->spelled().c_str(), flags)));
  };
  if (from->is_dots() || to->is_dots()) return perform();  // EBUSY
  if (from->folder_path.empty() || to->folder_path.empty()) return error(ENOENT);
  const FileKind moved = kind_at(*from), replaced = kind_at(*to);
  if (moved == FileKind::kNone) return perform();  // ENOENT
  const bool exchange = (flags & kExchange) != 0;
  if (moves_socket(*from, *to) || (exchange && moves_socket(*to, *from))) {
    return error(refused({"rename", from->path(), kSocketRule, 0, {}, to->path()}));
  }
  if ((flags & kNoReplace) != 0 && replaced != FileKind::kNone) return error(EEXIST);
  Verdict verdict = service_.judge.move({from->path(), to->path(), moved}, service_.facts);
  if (verdict.kind != Verdict::Kind::kRefuse && exchange) {
    // A file that is looked at is replaced by a copy: there is nothing to exchange it for.
    const bool vetted = verdict.kind == Verdict::Kind::kVet;
    if (!vetted)
      verdict = service_.judge.move({to->path(), from->path(), replaced}, service_.facts);
    if (verdict.kind == Verdict::Kind::kVet) verdict.kind = Verdict::Kind::kRefuse;
  }
  switch (verdict.kind) {
    case Verdict::Kind::kAllow: return perform();
    case Verdict::Kind::kVet: return rename_vetted(*from, *to, verdict);
    case Verdict::Kind::kRefuse: break;
  }
  return error(refused({"rename", from->path(), verdict.rule, 0, {}, to->path()}));
}

// git writes config.lock and renames it, and may keep it open. What gets the name is therefore a file of
// ours, with what we read and looked at: made under the old name, so that no other one appears.
CallInService::Answer CallInService::rename_vetted(const Place& from, const Place& to,
                                                   const Verdict& verdict) {
  constexpr int kRead = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd source(openat(from.folder.get(), from.name.c_str(), kRead));
  if (!source) return error(errno);
  struct stat info;
  if (fstat(source.get(), &info) != 0) return error(errno);
  const OrErrno<std::string> text = read_whole(source.get());
  if (!text) return error(text.error());
  std::string current;
  // Not a device, which opening alone may set to work.
  if (const FileKind stands = kind_at(to);
      stands != FileKind::kRegular && stands != FileKind::kNone) {
    return error(refused({"rename", from.path(), verdict.rule, 0, {}, to.path()}));
  }
  if (UniqueFd target(openat(to.folder.get(), to.name.c_str(), kRead)); target) {
    if (const OrErrno<std::string> stands = read_whole(target.get())) current = *stands;
  }
  if (const std::optional<std::string> found =
          objection({verdict.content, to.path(), *text, current}, service_.judge, service_.facts)) {
    return error(refused({"rename", from.path(), *found, 0, {}, to.path()}));
  }
  if (unlinkat(from.folder.get(), from.name.c_str(), 0) != 0) return error(errno);
  UniqueFd copy(openat(from.folder.get(), from.name.c_str(),
                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!copy) return error(errno);
  if (const OrErrno<void> written = write_whole(copy.get(), *text); !written) {
    return error(written.error());
  }
  if (fchmod(copy.get(), info.st_mode & 07777) != 0) return error(errno);
  service_.made.note(copy.get(), "");
  return result(renameat(from.folder.get(), from.name.c_str(), to.folder.get(), to.name.c_str()));
}

}  // namespace srt::platform
