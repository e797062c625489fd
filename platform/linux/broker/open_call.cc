// open(2) for writing, and truncate(2).
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/broker/service.h"
#include "platform/linux/broker/vet.h"

namespace srt::platform {
namespace {

constexpr int kMaxRaces = 16;

// What a worker adds to every open: it must not wait, nor get a terminal as its own.
constexpr int kAlways = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
constexpr int kMakes = O_CREAT | O_EXCL;
constexpr const char* kHostPipe = "pipe of the host";

// A mount that is read-only keeps nobody from writing to a FIFO: who reads it outside would get what is written.
bool is_read_only(int fd) {
  struct statfs info;
  return fstatfs(fd, &info) != 0 || (info.f_flags & ST_RDONLY) != 0;
}

bool is_pipe_of_the_host(const Place& place) {
  struct stat info;
  return fstatat(place.folder.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISFIFO(info.st_mode) && is_read_only(place.folder.get());
}

constexpr const char* kDevice = "device that the control group refuses";

bool is_device(const struct stat& info) { return S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode); }

uint32_t access_of(int flags) {
  uint32_t access = 0;
  if ((flags & O_TRUNC) != 0) access |= kWrite;
  if ((flags & O_ACCMODE) != O_RDONLY) access |= kWrite;
  if ((flags & O_ACCMODE) != O_WRONLY) access |= kRead;
  return access;
}

bool is_unnamed(int flags) { return (flags & O_TMPFILE) == O_TMPFILE; }

}  // namespace

// The kernel asks the control group of whoever opens a device, and ours lets us open every disk of the host.
bool Service::may_open(const struct stat& file, int flags) const {
  return !devices || !is_device(file) ||
         allows(*devices, S_ISBLK(file.st_mode) ? 'b' : 'c', gnu_dev_major(file.st_rdev),
                gnu_dev_minor(file.st_rdev), access_of(flags));
}

// Looked at before, since some devices act when they are opened (a watchdog), and after: a container without rules
// may share the folder, and put another node there meanwhile.
OrErrno<UniqueFd> CallInService::open_named(const Place& place, int flags, mode_t mode) {
  const bool looks = service_.devices && (flags & kMakes) != kMakes;
  struct stat info;
  if (looks && fstatat(place.folder.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      !service_.may_open(info, flags)) {
    return failed(refused(Act::kWrite, place.path(), kDevice));
  }
  UniqueFd file(openat(place.folder.get(), place.name.c_str(), flags | O_NOFOLLOW | kAlways, mode));
  if (!file) return failed(errno);
  if (looks && (fstat(file.get(), &info) != 0 || !service_.may_open(info, flags))) {
    return failed(refused(Act::kWrite, place.path(), kDevice));
  }
  return file;
}

CallInService::Answer CallInService::opened(UniqueFd file, const Call& call) {
  const int flags = static_cast<int>(call.flags);
  if ((flags & (O_NONBLOCK | O_PATH)) == 0) {
    (void)fcntl(file.get(), F_SETFL, flags & ~O_NONBLOCK);
  }
  return Answer{0, std::move(file), (flags & O_CLOEXEC) != 0, false, false};
}

CallInService::Answer CallInService::open_unnamed(const std::string& path, const Call& call) {
  OrErrno<UniqueFd> folder = paths_.whole(call.name.folder, path);
  if (!folder) return error(folder.error());
  if (!service_.vantage.mounts.has(service_.vantage.proc.get(), folder->get())) return error(EPERM);
  if (OrErrno<void> taken = take_umask(); !taken) return error(taken.error());
  if (!valid()) return error(ENOENT);
  UniqueFd file(openat(folder->get(), ".", static_cast<int>(call.flags) | kAlways, call.mode));
  if (!file) return error(errno);
  return opened(std::move(file), call);
}

CallInService::Answer CallInService::open(const Call& call) {
  const OrErrno<std::string> path = caller_.text(call.name.path);
  if (!path) return error(path.error());
  const int flags = static_cast<int>(call.flags);
  const bool unnamed = (flags & O_PATH) == 0 && is_unnamed(flags);
  if ((unnamed || (flags & O_CREAT) != 0) && sets_ids(S_IFREG, call.mode)) {
    return error(refused(Act::kMakeFile, *path, kSetsIds));
  }
  if (unnamed) return open_unnamed(*path, call);
  OrErrno<Place> named = place(call.name.folder, *path);
  if (!named) return error(named.error());
  if ((flags & O_CREAT) != 0) {
    if (OrErrno<void> taken = take_umask(); !taken) return error(taken.error());
  }
  if (!valid()) return error(ENOENT);
  // A user namespace takes its maps from a file that was opened in it or in the one around it
  // (user_namespaces(7)), where we are not.
  if (service_.nested_sandboxes && is_procfs(named->folder.get())) return by_kernel();
  return open_in(*named, flags, call);
}

// The name itself first, without following: most are no links.
CallInService::Answer CallInService::open_in(Place& place, int flags, const Call& call) {
  if ((flags & O_PATH) != 0) return open_path_only(std::move(place), flags);
  if (place.slash || place.is_dots()) {
    if ((flags & O_CREAT) != 0) return error(EISDIR);
    return open_followed(std::move(place), flags, call);  // a folder, or an error
  }
  const std::string path = place.path();
  const bool makes = (flags & O_CREAT) != 0;
  OrErrno<Verdict> verdict = judged(makes ? Act::kMakeFile : Act::kWrite, path, flags);
  if (!verdict) return error(verdict.error());
  if (verdict->kind == Verdict::Kind::kVet) return open_vetted(place, *verdict, call);
  // Within a write root there are its own FIFOs: no need to look.
  if (!service_.judge.in_write_root(path) && is_pipe_of_the_host(place)) {
    return error(refused(Act::kWrite, path, kHostPipe));
  }
  OrErrno<UniqueFd> file = open_named(place, flags, call.mode);
  if (file) {
    if (makes && verdict->note) service_.made.note(file->get(), "");
    return opened(std::move(*file), call);
  }
  const int code = file.error();
  const bool link = code == ELOOP && (flags & O_NOFOLLOW) == 0;
  const bool device = code == ENXIO || code == EAGAIN;  // a FIFO, /dev/tty, a lease
  const bool own =
      code == EACCES && place.name.find_first_not_of("0123456789") == std::string::npos;
  if (!link && !device && !own) return error(code);
  return open_followed(std::move(place), flags, call);
}

// Neither makes nor writes anything; the filter sees the other flags only.
CallInService::Answer CallInService::open_path_only(Place place, int flags) {
  if ((flags & O_NOFOLLOW) != 0 && !place.slash) {
    UniqueFd file(openat(place.folder.get(), place.name.c_str(),
                         (flags & O_DIRECTORY) | O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file) return error(errno);
    return Answer{0, std::move(file), (flags & O_CLOEXEC) != 0, false, false};
  }
  OrErrno<Place> end = paths_.follow(std::move(place));
  if (!end) return error(end.error());
  if (!end->file) return error(ENOENT);
  struct stat info;
  if (fstat(end->file.get(), &info) != 0) return error(errno);
  if ((flags & O_DIRECTORY) != 0 && !S_ISDIR(info.st_mode)) return error(ENOTDIR);
  return Answer{0, std::move(end->file), (flags & O_CLOEXEC) != 0, false, false};
}

CallInService::Answer CallInService::open_followed(Place place, int flags, const Call& call) {
  for (int i = 0; i < kMaxRaces; ++i) {
    OrErrno<Place> end = paths_.follow(std::move(place));
    if (!end) return error(end.error());
    if (!end->file) {
      if ((flags & O_CREAT) == 0) return error(ENOENT);
      if (end->slash) return error(EISDIR);
      if (needs_quiet(end->name) && !exclusive_.owns_lock()) {
        lock(true);
        place = std::move(*end);
        continue;
      }
      OrErrno<Verdict> verdict = judged(Act::kMakeFile, end->path(), flags);
      if (!verdict) return error(verdict.error());
      if (verdict->kind == Verdict::Kind::kVet) {
        return error(refused(Act::kMakeFile, end->path(), verdict->rule));
      }
      UniqueFd file(openat(end->folder.get(), end->name.c_str(),
                           flags | O_EXCL | O_NOFOLLOW | kAlways, call.mode));
      if (file) return opened(std::move(file), call);
      if (errno != EEXIST) return error(errno);
      place = std::move(*end);  // made by somebody meanwhile: from the start
      continue;
    }
    struct stat info;
    if (fstat(end->file.get(), &info) != 0) return error(errno);
    if (S_ISDIR(info.st_mode)) return error(EISDIR);
    if (end->slash) return error(ENOTDIR);
    if (end->read_only && !S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode)) {
      return error(refused(Act::kWrite, paths_.path_of(end->file.get()), "file of the host"));
    }
    if (S_ISFIFO(info.st_mode) && is_read_only(end->file.get())) {
      return error(refused(Act::kWrite, paths_.path_of(end->file.get()), kHostPipe));
    }
    if (!service_.may_open(info, flags)) {
      return error(refused(Act::kWrite, paths_.path_of(end->file.get()), kDevice));
    }
    if (S_ISREG(info.st_mode) && info.st_nlink != 0) {
      const std::string path = paths_.path_of(end->file.get());
      if (OrErrno<Verdict> verdict = judged(Act::kWrite, path); !verdict)
        return error(verdict.error());
    }
    OrErrno<UniqueFd> file =
        paths_.reopen(end->file.get(), (flags & ~(kMakes | O_NOFOLLOW)) | kAlways);
    if (file) return opened(std::move(*file), call);
    if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(5, 0)) return open_terminal(call);
    const bool waits = (S_ISFIFO(info.st_mode) && file.error() == ENXIO) || file.error() == EAGAIN;
    if (!waits || (flags & O_NONBLOCK) != 0) return error(file.error());
    service_.waiting.add({listener_, notification_.id, std::move(end->file),
                          flags & ~(kMakes | O_NOFOLLOW), service_.vantage.proc.get()});
    return Answer{0, {}, false, true, false};
  }
  return error(ELOOP);
}

CallInService::Answer CallInService::open_vetted(const Place& place, const Verdict& verdict,
                                                 const Call& call) {
  // Workers come and go; the file is looked at when the caller is done with it.
  const VettedFiles::Vet vet{
      [service = &service_, content = verdict.content, path = place.path()](
          const std::string& text, const std::string& current) {
        return objection({content, path, text, current}, service->judge, service->facts);
      },
      [service = &service_, path = place.path(),
       pid = caller_.tid()](const std::string& objection) {
        service->log.write({to_string(Act::kMakeFile), path, objection, pid, {}, {}});
      }};
  const int flags = static_cast<int>(call.flags);
  for (int i = 0; i < kMaxRaces; ++i) {
    OrErrno<UniqueFd> file = service_.vetted.open(paths_, place, flags, call.mode, vet);
    if (file) {
      service_.made.note(place.folder.get(), place.name.c_str());
      return Answer{0, std::move(*file), (flags & O_CLOEXEC) != 0, false, false};
    }
    if (file.error() != EAGAIN) return error(file.error());
    service_.vetted.settle();  // an earlier one, whose lease is in the way
  }
  return error(EBUSY);
}

// /dev/tty is the caller's terminal, not ours, which is none. It is found among the caller's own
// descriptors: the node of a terminal that came from outside need not be in the sandbox at all.
CallInService::Answer CallInService::open_terminal(const Call& call) {
  constexpr int kLikely = 16;
  const OrErrno<dev_t> terminal = caller_.terminal();
  if (!terminal) return error(terminal.error());
  for (int fd = 0; fd < kLikely; ++fd) {
    OrErrno<UniqueFd> held = caller_.descriptor(fd);
    struct stat info;
    if (!held || fstat(held->get(), &info) != 0) continue;
    if (!S_ISCHR(info.st_mode) || info.st_rdev != *terminal) continue;
    const int flags = static_cast<int>(call.flags) & ~(kMakes | O_NOFOLLOW | O_TRUNC);
    OrErrno<UniqueFd> file = paths_.reopen(held->get(), flags | kAlways);
    return file ? opened(std::move(*file), call) : error(file.error());
  }
  return error(ENXIO);
}

CallInService::Answer CallInService::truncate(const Call& call) {
  OrErrno<Place> named = place(call.name);
  if (!named) return error(named.error());
  if (!valid()) return error(ENOENT);
  OrErrno<Place> end = paths_.follow(std::move(*named));
  if (!end) return error(end.error());
  if (!end->file) return error(ENOENT);
  struct stat info;
  if (fstat(end->file.get(), &info) != 0) return error(errno);
  if (S_ISDIR(info.st_mode)) return error(EISDIR);
  if (!S_ISREG(info.st_mode)) return error(EINVAL);
  if (end->read_only) return error(EPERM);
  if (info.st_nlink != 0) {
    const std::string path = paths_.path_of(end->file.get());
    if (OrErrno<Verdict> verdict = judged(Act::kWrite, path); !verdict)
      return error(verdict.error());
  }
  OrErrno<UniqueFd> file = paths_.reopen(end->file.get(), O_WRONLY | kAlways);
  if (!file) return error(file.error());
  return result(ftruncate(file->get(), call.length));
}

}  // namespace srt::platform
