#include "shim/library/sandbox.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <nlohmann/json.hpp>

extern char** environ;

namespace srt {
namespace {

int make_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) != 0) return -1;
  return fcntl(ends[0], F_SETFD, FD_CLOEXEC) | fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
}

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string with_errno(const std::string& what) { return what + ": " + std::strerror(errno); }

std::string find_program(const std::string& chosen) {
  if (!chosen.empty()) return chosen;
  const fs::path installed = fs::path(SRT_INSTALLED_BINDIR) / "srt";
  std::error_code ignored;
  return fs::exists(installed, ignored) ? installed.string() : "srt";
}

// posix_spawn of `argv`; `control` becomes descriptor 3 where there is one. The child's wait status.
int spawn_and_wait(const std::vector<std::string>& argv, int control, const char* output,
                   std::string& error) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (control >= 0) posix_spawn_file_actions_adddup2(&actions, control, 3);
  if (output != nullptr) {
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }
  pid_t child = -1;
  const int code = posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) {
    error = argv[0] + ": " + std::strerror(code);
    return -1;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

struct Sandbox::Impl {
  fs::path folder;
  std::string program;
  Json settings;
  std::function<void(const std::string&)> tell;
  std::mutex control_lock;
  int control = -1;  // the write end, while something runs

  ~Impl() { remove(); }
  void remove() {
    std::error_code ignored;
    if (!folder.empty()) fs::remove_all(folder, ignored);
    folder.clear();
  }
  fs::path settings_file() const { return folder / "settings.json"; }

  std::string make_folder() {
    if (!folder.empty()) return {};
    std::string pattern = (fs::temp_directory_path() / "srt-sandbox-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) return with_errno(pattern);
    folder = pattern;
    return {};
  }

  // Written beside and checked by `srt explain` before it takes the place of the last one.
  std::string adopt(const Json& next) {
    const fs::path beside = folder / "next.json", said = folder / "explain.err";
    {
      std::ofstream file(beside);
      file << next.dump();
      if (!file.flush()) return with_errno(beside.string());
    }
    std::string error;
    const int status =
        spawn_and_wait({program, "explain", "-s", beside.string()}, -1, said.c_str(), error);
    if (status < 0) return error;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      error = text_of(said);
      while (!error.empty() && error.back() == '\n') error.pop_back();
      return error.empty() ? program + ": refused the settings" : error;
    }
    std::error_code failed;
    fs::rename(beside, settings_file(), failed);
    if (failed) return settings_file().string() + ": " + failed.message();
    settings = next;
    return {};
  }
};

Sandbox::Sandbox() : impl_(std::make_unique<Impl>()) {}
Sandbox::~Sandbox() = default;

std::string Sandbox::initialise(const std::string& settings, const std::string& program) {
  const Json parsed = Json::parse(settings, nullptr, false);
  if (parsed.is_discarded()) return "the settings are not JSON";
  if (std::string error = impl_->make_folder(); !error.empty()) return error;
  impl_->program = find_program(program);
  return impl_->adopt(parsed);
}

std::vector<std::string> Sandbox::wrap(const std::vector<std::string>& argv) const {
  std::vector<std::string> words = {impl_->program, "-s", impl_->settings_file().string(), "--"};
  words.insert(words.end(), argv.begin(), argv.end());
  return words;
}

Outcome Sandbox::run(const std::vector<std::string>& argv) {
  if (impl_->folder.empty()) return {125, "the sandbox has no policy: call initialise() first"};
  if (argv.empty()) return {125, "no command is given"};
  int control[2];
  if (make_pipe(control) != 0) return {125, with_errno("pipe")};
  {
    const std::lock_guard lock(impl_->control_lock);
    impl_->control = control[1];
  }
  const fs::path violations = impl_->folder / "violations.ndjson";
  std::vector<std::string> words = {impl_->program,      "-s", impl_->settings_file().string(),
                                    "--control-fd",      "3",  "--violations",
                                    violations.string(), "--"};
  words.insert(words.end(), argv.begin(), argv.end());
  Outcome outcome;
  const int status = spawn_and_wait(words, control[0], nullptr, outcome.error);
  {
    const std::lock_guard lock(impl_->control_lock);
    impl_->control = -1;
  }
  close(control[0]);
  close(control[1]);
  if (status >= 0)
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  std::ifstream lines(violations);
  for (std::string line; std::getline(lines, line);) {
    if (impl_->tell) impl_->tell(line);
  }
  std::error_code ignored;
  fs::remove(violations, ignored);
  return outcome;
}

std::string Sandbox::update_network(const std::vector<std::string>& allowed,
                                    const std::vector<std::string>& denied) {
  if (impl_->folder.empty()) return "the sandbox has no policy: call initialise() first";
  const std::lock_guard lock(impl_->control_lock);
  Json next = impl_->settings;
  next["network"]["allowedDomains"] = allowed;
  next["network"]["deniedDomains"] = denied;
  if (std::string error = impl_->adopt(next); !error.empty()) return error;
  if (impl_->control < 0) return {};
  const std::string line = next.dump() + "\n";
  for (size_t at = 0; at < line.size();) {
    ssize_t n = write(impl_->control, line.data() + at, line.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return with_errno("tell the running sandbox");
    at += static_cast<size_t>(n);
  }
  return {};
}

void Sandbox::on_violation(std::function<void(const std::string& json)> tell) {
  impl_->tell = std::move(tell);
}

void Sandbox::reset() {
  impl_->remove();
  impl_->settings = Json();
  impl_->tell = nullptr;
}

}  // namespace srt
