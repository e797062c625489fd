#include "platform/linux/broker/caller.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace srt::platform {
namespace {

constexpr uintptr_t kPage = 4096;
constexpr size_t kUsualPath = 256;
constexpr unsigned kThread = O_EXCL;  // PIDFD_THREAD, Linux 6.9

template <class Attempt>
auto as_its_user_or_tracer(Attempt attempt) {
  auto result = attempt();
  if (result >= 0 || (errno != EPERM && errno != EACCES)) return result;
  PtraceCapability raised;
  return attempt();
}

OrErrno<size_t> read_memory(pid_t tid, uint64_t address, char* to, size_t size) {
  iovec local{to, size}, remote{reinterpret_cast<void*>(address), size};
  const ssize_t got =
      as_its_user_or_tracer([&] { return process_vm_readv(tid, &local, 1, &remote, 1, 0); });
  if (got < 0) return failed(errno == ESRCH ? ESRCH : EFAULT);
  return static_cast<size_t>(got);
}

OrErrno<UniqueFd> open_entry(int proc, const std::string& entry, int flags) {
  UniqueFd fd(
      as_its_user_or_tracer([&] { return openat(proc, entry.c_str(), flags | O_CLOEXEC); }));
  if (!fd) return failed(errno);
  return fd;
}

std::string_view field(std::string_view status, std::string_view name) {
  size_t at = status.find(name);
  if (at == std::string_view::npos) return {};
  status.remove_prefix(at + name.size());
  return status.substr(0, status.find('\n'));
}

// The innermost namespace's is the last one.
int64_t last_number(std::string_view numbers) {
  size_t blank = numbers.find_last_of(" \t");
  if (blank != std::string_view::npos) numbers.remove_prefix(blank + 1);
  return std::strtoll(std::string(numbers).c_str(), nullptr, 10);
}

}  // namespace

bool OwnMounts::has(int proc, int fd) const {
  struct statx info;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0) return false;
  std::lock_guard lock(mutex_);
  if (ids_.contains(info.stx_mnt_id)) return true;
  // One of the host's may have been propagated into the sandbox since.
  const Result<std::string> table = read_file_at(proc, "self/mountinfo");
  if (!table) return false;
  ids_.clear();
  for (size_t at = 0; at < table->size(); at = table->find('\n', at) + 1) {
    ids_.insert(std::strtoull(table->c_str() + at, nullptr, 10));
    if (table->find('\n', at) == std::string::npos) break;
  }
  return ids_.contains(info.stx_mnt_id);
}

void PtraceCapability::set(bool effective) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return;
  __user_cap_data_struct& word = data[CAP_TO_INDEX(CAP_SYS_PTRACE)];
  word.effective &= ~CAP_TO_MASK(CAP_SYS_PTRACE);
  if (effective) word.effective |= word.permitted & CAP_TO_MASK(CAP_SYS_PTRACE);
  const int saved = errno;
  (void)syscall(SYS_capset, &header, data);
  errno = saved;
}

std::string Caller::entry(const char* name) const { return std::to_string(tid_) + "/" + name; }

OrErrno<std::string> Caller::text(uint64_t address) const {
  std::string path;
  char part[kPage];
  size_t wanted = kUsualPath;
  while (path.size() < PATH_MAX) {
    // Never over the end of a page, behind which there may be nothing.
    const uint64_t at = address + path.size();
    const size_t size = std::min<size_t>(wanted, kPage - at % kPage);
    const OrErrno<size_t> got = read_memory(tid_, at, part, size);
    if (!got) return failed(got.error());
    if (*got == 0) return failed(EFAULT);
    if (const void* end = std::memchr(part, 0, *got)) {
      path.append(part, static_cast<size_t>(static_cast<const char*>(end) - part));
      return path.size() < PATH_MAX ? OrErrno<std::string>(std::move(path)) : failed(ENAMETOOLONG);
    }
    path.append(part, *got);
    wanted = kPage;
  }
  return failed(ENAMETOOLONG);
}

OrErrno<std::string> Caller::bytes(uint64_t address, size_t size) const {
  std::string bytes(size, '\0');
  if (size == 0) return bytes;
  const OrErrno<size_t> got = read_memory(tid_, address, bytes.data(), size);
  if (!got) return failed(got.error());
  if (*got != size) return failed(EFAULT);
  return bytes;
}

OrErrno<void> Caller::write(uint64_t address, uint32_t value) const {
  iovec local{&value, sizeof value}, remote{reinterpret_cast<void*>(address), sizeof value};
  const ssize_t put =
      as_its_user_or_tracer([&] { return process_vm_writev(tid_, &local, 1, &remote, 1, 0); });
  if (put != sizeof value) return failed(put < 0 && errno == ESRCH ? ESRCH : EFAULT);
  return {};
}

OrErrno<UniqueFd> Caller::descriptor(int fd) const {
  if (fd < 0) return failed(EBADF);
  OrErrno<UniqueFd> opened =
      open_entry(vantage_.proc.get(), entry("fd/") + std::to_string(fd), O_PATH);
  if (!opened && opened.error() == ENOENT) return failed(EBADF);
  // The folder of a process that is not dumpable is root's; its files can be had all the same.
  if (!opened && opened.error() == EACCES) return duplicate(fd);
  return opened;
}

// Most calls come from a few threads, one after the other: the last one is kept. A pidfd stays its thread's own:
// once that is gone it yields ESRCH, also when another thread has got the number.
struct Thread {
  pid_t tid = 0;
  UniqueFd pidfd;
};

// A third of what the way through /proc costs. Empty: go that way (before Linux 6.9, or Yama forbids).
UniqueFd Caller::own_quickly(int fd) const {
  thread_local Thread recent;
  for (const bool kept : {recent.tid == tid_ && recent.pidfd, false}) {
    if (!kept) recent = {tid_, UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, tid_, kThread)))};
    if (!recent.pidfd) break;
    UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, recent.pidfd.get(), fd, 0)));
    if (copy || errno != ESRCH) return copy;
  }
  return {};
}

OrErrno<UniqueFd> Caller::held(int fd) const {
  if (UniqueFd own = own_quickly(fd)) return own;
  return descriptor(fd);
}

OrErrno<UniqueFd> Caller::folder(int fd) const {
  if (fd == AT_FDCWD) return open_entry(vantage_.proc.get(), entry("cwd"), O_PATH | O_DIRECTORY);
  OrErrno<UniqueFd> opened = held(fd);
  if (!opened) return opened;
  struct stat info;
  if (fstat(opened->get(), &info) != 0) return failed(errno);
  if (!S_ISDIR(info.st_mode)) return failed(ENOTDIR);
  return opened;
}

OrErrno<UniqueFd> Caller::duplicate(int fd) const {
  UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, tid_, kThread)));
  if (!process) {
    // Of the thread group's leader, whose descriptors are the thread's own, or it is not served.
    const OrErrno<Status> known = status();
    if (!known) return failed(known.error());
    process.reset(static_cast<int>(syscall(SYS_pidfd_open, known->pid, 0)));
  }
  if (!process) return failed(errno);
  UniqueFd copy(static_cast<int>(
      as_its_user_or_tracer([&] { return syscall(SYS_pidfd_getfd, process.get(), fd, 0); })));
  if (!copy) return failed(errno);
  return copy;
}

bool Caller::has_sandbox_root() const {
  if (vantage_.fixed_root) return true;
  struct statx info;
  const std::string root = entry("root");
  const int answer = static_cast<int>(as_its_user_or_tracer([&] {
    return statx(vantage_.proc.get(), root.c_str(), 0, STATX_INO | STATX_MNT_ID, &info);
  }));
  return answer == 0 && info.stx_mnt_id == vantage_.root_mount &&
         info.stx_ino == vantage_.root_inode;
}

// Most calls that make something come from a few processes, one after the other, and opening the file
// takes longer than reading it. It stays the process's own: once that is gone, it reads ESRCH, also when
// another process has got the number.
struct StatusFile {
  pid_t tid = 0;
  UniqueFd file;
};

OrErrno<Caller::Status> Caller::status() const {
  thread_local StatusFile recent;
  char text[4096];
  ssize_t size = -1;
  if (recent.tid == tid_ && recent.file) size = pread(recent.file.get(), text, sizeof text, 0);
  if (size <= 0) {
    OrErrno<UniqueFd> file = open_entry(vantage_.proc.get(), entry("status"), O_RDONLY);
    if (!file) return failed(file.error());
    recent = {tid_, std::move(*file)};
    size = pread(recent.file.get(), text, sizeof text, 0);
  }
  if (size <= 0) return failed(ESRCH);
  const std::string_view all(text, static_cast<size_t>(size));
  Status status;
  const std::string_view mask = field(all, "Umask:\t");
  // A task that is ending has none; its calls will not be answered anyway.
  if (mask.empty()) return failed(ESRCH);
  status.umask = static_cast<mode_t>(std::strtol(std::string(mask).c_str(), nullptr, 8));
  status.pid = static_cast<pid_t>(last_number(field(all, "\nTgid:\t")));
  status.inner_pid = static_cast<pid_t>(last_number(field(all, "\nNStgid:\t")));
  status.inner_tid = static_cast<pid_t>(last_number(field(all, "\nNSpid:\t")));
  status.file_uid = static_cast<uint32_t>(last_number(field(all, "\nUid:\t")));
  status.file_gid = static_cast<uint32_t>(last_number(field(all, "\nGid:\t")));
  status.groups = field(all, "\nGroups:\t");
  status.effective = std::strtoull(std::string(field(all, "\nCapEff:\t")).c_str(), nullptr, 16);
  status.name = field(all, "Name:\t");
  return status;
}

OrErrno<mode_t> Caller::umask() const {
  const OrErrno<Status> known = status();
  if (!known) return failed(known.error());
  return known->umask;
}

OrErrno<dev_t> Caller::terminal() const {
  const OrErrno<UniqueFd> file = open_entry(vantage_.proc.get(), entry("stat"), O_RDONLY);
  if (!file) return failed(file.error());
  char text[1024];
  const ssize_t size = read(file->get(), text, sizeof text - 1);
  if (size <= 0) return failed(ESRCH);
  text[size] = '\0';
  // The name is in parentheses and may have some itself: state, ppid, pgrp, session, tty_nr follow.
  const char* at = std::strrchr(text, ')');
  int tty = 0;
  if (at == nullptr || std::sscanf(at + 1, " %*c %*d %*d %*d %d", &tty) != 1) return failed(ESRCH);
  if (tty == 0) return failed(ENXIO);
  const auto number = static_cast<unsigned>(tty);  // new_encode_dev()
  return makedev((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xfff00));
}

}  // namespace srt::platform
