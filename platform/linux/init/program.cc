#include "platform/linux/init/program.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/memory.h"
#include "platform/linux/init/report.h"

namespace srt::init {
namespace {

// 0, or the errno that keeps `path` from being run by anybody.
int not_executable(const char* path) {
  struct stat st;
  if (stat(path, &st) != 0) return errno;
  if (S_ISDIR(st.st_mode)) return EISDIR;
  if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0) return EACCES;
  return 0;
}

[[noreturn]] void refuse(std::string_view name, int error) {
  Line object;
  object << "exec: \"" << name << "\"";
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      die(object.view(),
          Line() << "stat " << name << ": "
                 << (error == ENOENT ? "no such file or directory" : "not a directory"),
          0, 127);
    // dockerd knows what to make 126 of by the last words only.
    case EISDIR: die(object.view(), "is a directory: permission denied", 0, 126);
    case EACCES: die(object.view(), "permission denied", 0, 126);
  }
  die(object.view(), "cannot be run", error, 126);
}

std::string_view search_path(const Process<Viewed>& process) {
  std::string_view found;
  for (std::string_view entry : process.env) {
    if (entry.substr(0, 5) == "PATH=") found = entry.substr(5);  // the last one counts
  }
  return found;
}

}  // namespace

const char* find_program(const Process<Viewed>& process) {
  std::string_view name = *process.args.begin();
  if (name.find('/') != std::string_view::npos) {
    if (int error = not_executable(name.data())) refuse(name, error);
    return name.data();
  }
  int denied = 0;
  char* path = take_array<char>(PATH_MAX);
  std::string_view search = search_path(process);
  while (!name.empty() && !search.empty()) {
    size_t colon = search.find(':');
    std::string_view directory = search.substr(0, colon);
    search.remove_prefix(colon == std::string_view::npos ? search.size() : colon + 1);
    // An empty or relative entry means the working directory, which the image controls: skipped,
    // as Go's and thus runc's lookup refuses what it finds there.
    if (directory.empty() || directory[0] != '/') continue;
    if (directory.size() + name.size() + 2 > PATH_MAX) continue;
    memcpy(path, directory.data(), directory.size());
    path[directory.size()] = '/';
    memcpy(path + directory.size() + 1, name.data(), name.size());
    path[directory.size() + 1 + name.size()] = '\0';
    int error = not_executable(path);
    if (error == 0) return path;
    if (error == EACCES) denied = EACCES;
  }
  Line object;
  object << "exec: \"" << name << "\"";
  if (denied != 0) die(object.view(), "permission denied", 0, 126);
  die(object.view(), "executable file not found in $PATH", 0, 127);
}

}  // namespace srt::init
