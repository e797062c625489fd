// The built srt-runtime, run as its callers run it.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "platform/fd.h"
#include "tests/runtime/temp_dir.h"

namespace srt::test {

struct Outcome {
  int status = -1;  // as a shell says it
  std::string out, err;
};

// `words` behind "srt-runtime --root ROOT".
class Program {
 public:
  explicit Program(std::string root) : root_(std::move(root)) {}

  // Output goes to files, so that a container that stays behind does not keep a pipe open.
  Outcome operator()(std::vector<std::string> words, const std::string& input = {}) const {
    TempDir dir;
    write_all(dir / "in", input);
    pid_t pid = fork();
    if (pid == 0) {
      redirect(0, dir / "in", O_RDONLY);
      redirect(1, dir / "out", O_WRONLY | O_CREAT);
      redirect(2, dir / "err", O_WRONLY | O_CREAT);
      exec(std::move(words));
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
            read_file(dir / "out").value_or(""), read_file(dir / "err").value_or("")};
  }

  // Becomes the program.
  [[noreturn]] void exec(std::vector<std::string> words) const {
    words.insert(words.begin(), {"srt-runtime", "--root", root_});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(SRT_RUNTIME, argv.data());
    _exit(127);
  }

  static void write_all(const std::string& path, std::string_view text, mode_t mode = 0644) {
    UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    REQUIRE(write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

 private:
  static void redirect(int fd, const std::string& path, int flags) {
    int file = open(path.c_str(), flags, 0644);
    if (file < 0 || dup2(file, fd) < 0) _exit(126);
    if (file != fd) close(file);
  }

  std::string root_;
};

}  // namespace srt::test
