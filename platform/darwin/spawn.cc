#include "platform/darwin/spawn.h"

#include <fcntl.h>
#include <signal.h>

namespace srt::platform::darwin {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

Spawn::Spawn() {
  posix_spawnattr_init(&attributes_);
  posix_spawn_file_actions_init(&actions_);
  sigset_t signals;
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes_, &signals);
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes_, &signals);
}

Spawn::~Spawn() {
  posix_spawn_file_actions_destroy(&actions_);
  posix_spawnattr_destroy(&attributes_);
}

void Spawn::new_session() { flags_ = static_cast<short>(flags_ | POSIX_SPAWN_SETSID); }

void Spawn::keep_ignored(uint64_t signals) {
  sigset_t reset;
  sigfillset(&reset);
  for (int signal = 1; signal < NSIG; ++signal) {
    if ((signals >> (signal - 1) & 1) != 0) sigdelset(&reset, signal);
  }
  posix_spawnattr_setsigdefault(&attributes_, &reset);
}

void Spawn::start_in(const std::string& folder) {
  posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
}

void Spawn::open_null(int number) {
  posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", O_RDWR, 0);
}

void Spawn::keep(int fd) { posix_spawn_file_actions_addinherit_np(&actions_, fd); }

void Spawn::pass(int fd, int number) { posix_spawn_file_actions_adddup2(&actions_, fd, number); }

int Spawn::run(pid_t* child, const std::string& path, const std::vector<std::string>& argv,
               const std::vector<std::string>& environment, short more) {
  posix_spawnattr_setflags(&attributes_, static_cast<short>(flags_ | more));
  std::vector<char*> words = pointers(argv), variables = pointers(environment);
  return posix_spawn(child, path.c_str(), &actions_, &attributes_, words.data(), variables.data());
}

Result<pid_t> Spawn::start(const std::string& path, const std::vector<std::string>& argv,
                           const std::vector<std::string>& environment) {
  pid_t child = -1;
  const int code = run(&child, path, argv, environment, 0);
  if (code != 0) return fail_errno(path, "start", code);
  return child;
}

int Spawn::become(const std::string& path, const std::vector<std::string>& argv,
                  const std::vector<std::string>& environment) {
  return run(nullptr, path, argv, environment, POSIX_SPAWN_SETEXEC);
}

}  // namespace srt::platform::darwin
