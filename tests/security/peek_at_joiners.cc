// CVE-2016-9962 from inside: watches for processes that enter the container and looks for what they
// still hold of the host before they execute the container's program: descriptors of directories and
// files, root, working directory, memory. Prints `ready`, then one line a kind of finding:
//
//   LEAK …     something of the host is within reach
//   EXPOSED …  the process before its execve could be looked into at all
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>

namespace {

std::set<std::string> reported;

void report(const std::string& line) {
  if (reported.insert(line).second) std::printf("%s\n", line.c_str());
}

std::string link_of(const std::string& path) {
  std::array<char, 4096> target;
  const ssize_t n = readlink(path.c_str(), target.data(), target.size());
  return n < 0 ? std::string() : std::string(target.data(), static_cast<size_t>(n));
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Whether what the magic link leads to is what its text names from our root: then it is ours anyway.
bool is_in_our_tree(const std::string& magic, const struct stat& target) {
  struct stat by_name = {};
  const std::string name = link_of(magic);
  return !name.empty() && name[0] == '/' && stat(name.c_str(), &by_name) == 0 &&
         same_file(by_name, target);
}

void look_at_link(const std::string& magic, const char* what) {
  struct stat target = {};
  if (stat(magic.c_str(), &target) != 0) return;
  const bool reaches_files = S_ISDIR(target.st_mode) || S_ISREG(target.st_mode);
  const std::string name = link_of(magic);
  if (name.rfind("/memfd:", 0) == 0) return;  // sealed copies: nothing of the host's
  if (reaches_files && !is_in_our_tree(magic, target)) report(std::string("LEAK ") + what + " " + name);
}

void look_at(const std::string& process, bool is_program) {
  look_at_link(process + "/root", "root");
  look_at_link(process + "/cwd", "cwd");
  if (is_program) return;
  if (!link_of(process + "/exe").empty()) report("EXPOSED exe");
  const int memory = open((process + "/mem").c_str(), O_RDWR | O_CLOEXEC);
  if (memory >= 0) {
    report("EXPOSED memory");
    close(memory);
  }
  const std::string table = process + "/fd";
  DIR* descriptors = opendir(table.c_str());
  if (descriptors == nullptr) return;
  while (const dirent* entry = readdir(descriptors))
    if (entry->d_name[0] != '.') look_at_link(table + "/" + entry->d_name, "descriptor");
  closedir(descriptors);
}

}  // namespace

int main() {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  std::puts("ready");
  const std::string self = std::to_string(getpid());
  for (;;) {
    DIR* proc = opendir("/proc");
    if (proc == nullptr) return 1;
    while (const dirent* entry = readdir(proc)) {
      if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || self == entry->d_name) continue;
      const std::string process = std::string("/proc/") + entry->d_name;
      struct stat exe = {};
      const bool is_program =
          stat((process + "/exe").c_str(), &exe) == 0 && is_in_our_tree(process + "/exe", exe);
      look_at(process, is_program);
    }
    closedir(proc);
  }
}
