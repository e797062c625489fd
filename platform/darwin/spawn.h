// posix_spawn(2), which on macOS can do what elsewhere takes a careful child: every descriptor that is not
// passed on is closed, handlers and masks of signals are as in a new program, and it can replace the
// caller instead of making a child.
//
//   Spawn spawn;
//   spawn.pass(log.get(), 1);
//   SRT_ASSIGN(pid_t child, spawn.start("/usr/bin/log", {"log", "stream"}, environment));
#pragma once

#include <spawn.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "oci/error.h"

namespace srt::platform::darwin {

class Spawn {
 public:
  Spawn();
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;
  ~Spawn();

  void new_session();
  void keep_ignored(uint64_t signals);  // bit n-1: signal n, if the caller ignores it
  void start_in(const std::string& folder);
  void open_null(int number);     // /dev/null there
  void keep(int fd);              // the same number
  void pass(int fd, int number);  // that one there

  Result<pid_t> start(const std::string& path, const std::vector<std::string>& argv,
                      const std::vector<std::string>& environment);
  // Returns only when it failed: an errno.
  int become(const std::string& path, const std::vector<std::string>& argv,
             const std::vector<std::string>& environment);

 private:
  int run(pid_t* child, const std::string& path, const std::vector<std::string>& argv,
          const std::vector<std::string>& environment, short more);

  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
  short flags_ = POSIX_SPAWN_CLOEXEC_DEFAULT | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
};

}  // namespace srt::platform::darwin
