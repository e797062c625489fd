// The process that made a call, as the broker sees it: its memory, its descriptors, its umask.
//
// Everything goes by the host's /proc, opened before the broker entered the sandbox. What is read is
// the caller's only if the notification is still valid afterwards (the number may have been given to
// another process meanwhile): Notification::valid() comes between reading and doing.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>

#include <tl/expected.hpp>

#include "platform/fd.h"

namespace srt::platform {

template <class T>
using OrErrno = tl::expected<T, int>;

inline tl::unexpected<int> failed(int code) { return tl::unexpected<int>(code); }

// The mounts of the sandbox's mount namespace. A descriptor that came from outside, standard input say,
// leads to a mount of the host's, which no rule of the sandbox's mounts covers. Thread-safe.
class OwnMounts {
 public:
  bool has(int proc, int fd) const;

 private:
  mutable std::mutex mutex_;
  mutable std::unordered_set<uint64_t> ids_;
};

// The host's /proc, and the sandbox's root.
struct Vantage {
  UniqueFd proc;
  UniqueFd own_files;  // /proc/self/fd: a walk through two links saved, for each call
  UniqueFd root;
  uint64_t root_mount = 0;  // statx's mount id and inode of the sandbox's root
  uint64_t root_inode = 0;
  bool fixed_root = false;  // it is every caller's
  OwnMounts mounts;
};

class Caller {
 public:
  Caller(const Vantage& vantage, pid_t tid) : vantage_(vantage), tid_(tid) {}

  pid_t tid() const { return tid_; }

  OrErrno<std::string> text(uint64_t address) const;  // a path: PATH_MAX with its NUL at most
  OrErrno<std::string> bytes(uint64_t address, size_t size) const;

  OrErrno<void> write(uint64_t address, uint32_t value) const;

  OrErrno<UniqueFd> folder(int fd) const;      // AT_FDCWD: the working directory
  OrErrno<UniqueFd> descriptor(int fd) const;  // of what it refers to, to be opened anew: O_PATH
  OrErrno<UniqueFd> held(int fd) const;        // the same, or the caller's own: what is had sooner
  OrErrno<UniqueFd> duplicate(int fd) const;   // the caller's own open file
  bool has_sandbox_root() const;               // no chroot, no mount namespace of its own

  struct Status {
    mode_t umask = 022;
    pid_t pid = 0;                        // of its thread group
    pid_t inner_pid = 0, inner_tid = 0;   // in its own pid namespace
    uint32_t file_uid = 0, file_gid = 0;  // fsuid and fsgid, in our user namespace
    std::string groups;                   // as the kernel prints them
    uint64_t effective = 0;               // capabilities, over its own user namespace
    std::string name;
  };
  OrErrno<Status> status() const;
  OrErrno<mode_t> umask() const;
  OrErrno<dev_t> terminal() const;  // of its session

 private:
  std::string entry(const char* name) const;
  UniqueFd own_quickly(int fd) const;

  const Vantage& vantage_;
  pid_t tid_;
};

// Reading a process needs more than being its user where it is not dumpable (ssh-agent), has
// capabilities, or where Yama asks for them. The capability over the sandbox's user namespace is raised
// around that one system call and only after it was refused; nothing else ever has it.
class PtraceCapability {
 public:
  PtraceCapability() { set(true); }
  ~PtraceCapability() { set(false); }
  PtraceCapability(const PtraceCapability&) = delete;
  PtraceCapability& operator=(const PtraceCapability&) = delete;

 private:
  static void set(bool effective);
};

}  // namespace srt::platform
