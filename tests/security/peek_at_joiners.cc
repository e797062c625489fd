// CVE-2016-9962 from inside: watches for processes that enter the container and looks for what they
// still hold of the host before they execute the container's program: descriptors of directories
// and files, root, working directory, memory. Prints `ready`, then one line a kind of finding:
//
//   LEAK …     something of the host is within reach
//   EXPOSED …  the process before its execve could be looked into at all
//
// A process whose executable is named /bin/busybox has become the program. `peek_at_joiners
// neighbour` expects processes with another root than ours; what they expose is the same.
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

// Whether what the magic link leads to is what its text names from our root: then it is ours.
bool is_in_our_tree(const std::string& magic, const struct stat& target) {
  struct stat by_name = {};
  const std::string name = link_of(magic);
  return !name.empty() && name[0] == '/' && stat(name.c_str(), &by_name) == 0 &&
         same_file(by_name, target);
}

// The process may end or execute the program between two looks: what is reported was the same in
// both, with the name read in between.
void look_at_link(const std::string& magic, const char* what) {
  struct stat before = {}, after = {};
  if (stat(magic.c_str(), &before) != 0) return;
  const std::string name = link_of(magic);
  const bool ours = is_in_our_tree(magic, before);
  if (stat(magic.c_str(), &after) != 0 || !same_file(before, after)) return;
  if (name != link_of(magic)) return;
  if (name.rfind("/memfd:", 0) == 0) return;  // sealed copies: nothing of the host's
  const bool reaches_files = S_ISDIR(before.st_mode) || S_ISREG(before.st_mode);
  if (reaches_files && !ours) report(std::string("LEAK ") + what + " " + name);
}

bool runs_the_program(const std::string& process) {
  return link_of(process + "/exe") == "/bin/busybox";
}

void look_at(const std::string& process, bool of_neighbour) {
  if (!of_neighbour) {
    look_at_link(process + "/root", "root");
    look_at_link(process + "/cwd", "cwd");
  }
  if (runs_the_program(process)) return;
  const bool exe_seen = !link_of(process + "/exe").empty();
  const int memory = open((process + "/mem").c_str(), O_RDWR | O_CLOEXEC);
  const std::string table = process + "/fd";
  if (DIR* descriptors = opendir(table.c_str())) {
    while (const dirent* entry = readdir(descriptors))
      if (entry->d_name[0] != '.') look_at_link(table + "/" + entry->d_name, "descriptor");
    closedir(descriptors);
  }
  if (exe_seen || memory >= 0) {
    // Not if the execve came meanwhile; nor if it is gone and cannot be asked.
    const std::string exe = link_of(process + "/exe");
    if (!exe.empty() && !runs_the_program(process))
      report(memory >= 0 ? "EXPOSED memory of " + exe : "EXPOSED " + exe);
  }
  if (memory >= 0) close(memory);
}

}  // namespace

int main(int argc, char** argv) {
  const bool of_neighbour = argc > 1 && std::strcmp(argv[1], "neighbour") == 0;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  std::puts("ready");
  const std::string self = std::to_string(getpid());
  for (;;) {
    DIR* proc = opendir("/proc");
    if (proc == nullptr) return 1;
    while (const dirent* entry = readdir(proc)) {
      if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || self == entry->d_name) continue;
      look_at(std::string("/proc/") + entry->d_name, of_neighbour);
    }
    closedir(proc);
  }
}
