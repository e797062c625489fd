#include "platform/linux/init/copy_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/linux/init/report.h"

namespace srt::init {
namespace {

constexpr int kMaxDepth = 64;  // each level holds two descriptors and a buffer

struct Entry {  // linux_dirent64
  ino64_t ino;
  off64_t off;
  unsigned short size;
  unsigned char type;
  char name[1];
};

void copy_metadata(int to, const char* name, const struct stat& st) {
  (void)fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
  if (!S_ISLNK(st.st_mode)) (void)fchmodat(to, name, st.st_mode & 07777, 0);
  const timespec times[2] = {st.st_atim, st.st_mtim};
  (void)utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

void copy_file(std::string_view object, int from, int to, const char* name, const struct stat& st) {
  int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (in < 0 || out < 0) die(object, Line() << "tmpcopyup of " << name);
  for (off_t left = st.st_size; left > 0;) {
    ssize_t n = sendfile(out, in, nullptr, static_cast<size_t>(left));
    if (n < 0) die(object, Line() << "tmpcopyup of " << name);
    if (n == 0) break;
    left -= n;
  }
  close(in);
  close(out);
}

void copy_link(std::string_view object, int from, int to, const char* name) {
  char target[PATH_MAX];
  ssize_t n = readlinkat(from, name, target, sizeof target - 1);
  if (n < 0) die(object, Line() << "tmpcopyup of " << name);
  target[n] = '\0';
  if (symlinkat(target, to, name) != 0) die(object, Line() << "tmpcopyup of " << name);
}

void copy_directory(std::string_view object, int from, int to, dev_t device, int depth) {
  if (depth == kMaxDepth) die(object, "tmpcopyup: directories nest too deep", 0);
  alignas(Entry) char buffer[4096];
  for (;;) {
    long size = syscall(SYS_getdents64, from, buffer, sizeof buffer);
    if (size < 0) die(object, "tmpcopyup: read directory");
    if (size == 0) return;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      at += entry->size;
      const char* name = entry->name;
      std::string_view text(name);
      if (text == "." || text == "..") continue;
      struct stat st;
      if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;  // gone meanwhile
      if (S_ISDIR(st.st_mode) && st.st_dev == device) {
        if (mkdirat(to, name, 0700) != 0) die(object, Line() << "tmpcopyup of " << name);
        int below = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int copy = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0 || copy < 0) die(object, Line() << "tmpcopyup of " << name);
        copy_directory(object, below, copy, device, depth + 1);
        close(below);
        close(copy);
      } else if (S_ISREG(st.st_mode)) {
        copy_file(object, from, to, name, st);
      } else if (S_ISLNK(st.st_mode)) {
        copy_link(object, from, to, name);
      } else {
        continue;
      }
      copy_metadata(to, name, st);
    }
  }
}

}  // namespace

void copy_tree(std::string_view object, int from, int to) {
  int readable = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st;
  if (readable < 0 || fstat(readable, &st) != 0) die(object, "tmpcopyup");
  copy_directory(object, readable, to, st.st_dev, 0);
  (void)fchmod(to, st.st_mode & 07777);
  (void)fchown(to, st.st_uid, st.st_gid);
  close(readable);
}

}  // namespace srt::init
