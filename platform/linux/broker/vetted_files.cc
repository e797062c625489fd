#include "platform/linux/broker/vetted_files.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "platform/linux/broker/vet.h"

namespace srt::platform {
namespace {

constexpr int kLongestPause = 20;  // milliseconds
constexpr size_t kMost = 256;

bool is_there(const UniqueFd& folder, const std::string& name, int file) {
  struct stat named, held;
  return fstatat(folder.get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         fstat(file, &held) == 0 && named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

// Others have to wait from here on. Our own open file must be the only one.
bool lease(int file) {
  return fcntl(file, F_SETSIG, VettedFiles::lease_signal()) == 0 &&
         fcntl(file, F_SETOWN, getpid()) == 0 && fcntl(file, F_SETLEASE, F_WRLCK) == 0;
}

// A read lease is given only where nobody has the file open for writing.
bool is_written(int memory) {
  if (fcntl(memory, F_SETLEASE, F_RDLCK) != 0) return false;
  (void)fcntl(memory, F_SETLEASE, F_UNLCK);
  return true;
}

}  // namespace

OrErrno<std::string> read_whole(int fd) {
  std::string text(kLongestVetted + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got < 0) return failed(errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kLongestVetted) return failed(EFBIG);
  text.resize(size);
  return text;
}

OrErrno<void> write_whole(int fd, std::string_view text) {
  if (ftruncate(fd, 0) != 0) return failed(errno);
  for (off_t at = 0; !text.empty();) {
    const ssize_t put = pwrite(fd, text.data(), text.size(), at);
    if (put < 0) return failed(errno);
    at += put;
    text.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

int VettedFiles::lease_signal() { return SIGRTMIN + 1; }

VettedFiles::VettedFiles() : changes_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

OrErrno<UniqueFd> VettedFiles::open(const Paths& paths, const Place& place, int flags, mode_t mode,
                                    Vet vet) {
  constexpr int kOurs = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  One one;
  one.made = true;
  one.file.reset(openat(place.folder.get(), place.name.c_str(), kOurs | O_CREAT | O_EXCL, mode));
  if (!one.file && errno == EEXIST) {
    one.file.reset(openat(place.folder.get(), place.name.c_str(), kOurs));
  }
  if (!one.file) return failed(errno);
  auto give_up = [&](int code) {
    if (one.made) (void)unlinkat(place.folder.get(), place.name.c_str(), 0);
    return failed(code);
  };
  if (!lease(one.file.get())) return give_up(EPERM);
  UniqueFd memory(memfd_create("vetted", MFD_CLOEXEC));
  if (!memory) return give_up(errno);
  if (!one.made) {
    OrErrno<std::string> current = read_whole(one.file.get());
    if (!current) return failed(current.error());
    one.written = *std::move(current);
    if ((flags & O_TRUNC) == 0 && !write_whole(memory.get(), one.written)) return failed(EIO);
  }
  const int kept = flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW | O_TRUNC | O_DIRECTORY);
  OrErrno<UniqueFd> given = paths.reopen(memory.get(), kept);
  if (!given) return give_up(given.error());
  OrErrno<UniqueFd> watched = paths.reopen(memory.get(), O_RDONLY);
  if (!watched) return give_up(watched.error());
  one.memory = std::move(*watched);
  one.folder.reset(fcntl(place.folder.get(), F_DUPFD_CLOEXEC, 0));
  one.name = place.name;
  one.vet = std::move(vet);
  std::lock_guard lock(mutex_);
  if (files_.size() >= kMost) return give_up(ENFILE);
  one.watch = paths.watch(changes_.get(), one.memory.get(), IN_MODIFY | IN_CLOSE_WRITE);
  files_.push_back(std::move(one));
  count_ = files_.size();
  pause_ = 1;
  return given;
}

// Whether there is nothing left to wait for.
bool VettedFiles::settle_one(One& one, bool ended) {
  const bool written = ended || is_written(one.memory.get());
  const bool wanted = fcntl(one.file.get(), F_GETLEASE) != F_WRLCK;
  const OrErrno<std::string> text = read_whole(one.memory.get());
  const std::optional<std::string> objection =
      text ? one.vet.objection(*text, one.written) : one.name + ": cannot be read";
  // Half of a file is nothing to complain about while its other half is on the way.
  if (objection && written) one.vet.report(*objection);
  if (!objection) {
    if (*text != one.written || one.written.empty()) (void)write_whole(one.file.get(), *text);
    one.written = *text;
  } else if (written && one.made && is_there(one.folder, one.name, one.file.get())) {
    (void)unlinkat(one.folder.get(), one.name.c_str(), 0);
  }
  if (written || wanted) (void)fcntl(one.file.get(), F_SETLEASE, F_UNLCK);
  return written;
}

int VettedFiles::settle() {
  alignas(inotify_event) char events[4096];
  (void)!read(changes_.get(), events, sizeof events);
  std::lock_guard lock(mutex_);
  auto settled = [&](One& one) {
    if (!settle_one(one, false)) return false;
    (void)inotify_rm_watch(changes_.get(), one.watch);
    return true;
  };
  files_.erase(std::remove_if(files_.begin(), files_.end(), settled), files_.end());
  count_ = files_.size();
  if (files_.empty()) return -1;
  return pause_ = std::min(pause_ * 2, kLongestPause);
}

void VettedFiles::finish() {
  std::lock_guard lock(mutex_);
  for (One& one : files_) (void)settle_one(one, true);
  files_.clear();
}

}  // namespace srt::platform
