// Sandboxes for programs that run other programs: a build server, an agent, a test runner.
//
//   #include <srt/sandbox.h>
//
//   srt::Sandbox sandbox;
//   if (auto error = sandbox.initialise(R"({"network": {"allowedDomains": ["pypi.org"], "deniedDomains": []},
//                                            "filesystem": {"denyRead": ["~/.ssh"], "allowWrite": ["."],
//                                                           "denyWrite": []}})")) …
//   sandbox.on_violation([](const std::string& json) { … });
//   srt::Outcome outcome = sandbox.run({"pip", "install", "requests"});
//   sandbox.update_network({"pypi.org", "files.pythonhosted.org"}, {});
//
// The policy is a settings document (docs/srt.md). It is checked by the same parser that enforces it, in
// the `srt` program: this library finds that program and talks to it, and links nothing else.
//
// Ownership: a Sandbox owns a private folder in the temporary folder (mode 0700), removed by reset() and
// by the destructor. Errors are returned as text, empty is success; nothing throws but std::bad_alloc.
// Threads: one Sandbox is for one thread at a time; several Sandboxes are independent. Forks: run() uses
// posix_spawn and is safe in programs with threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace srt {

struct Outcome {
  // The command's own; 128 + n for signal n; 125: the sandbox could not be made; 126, 127 as a shell.
  int status = 125;
  std::string error;  // why there was no run at all; what the sandbox itself says goes to stderr
};

class Sandbox {
 public:
  Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;
  ~Sandbox();

  // `program`: where `srt` is; empty: beside this library's installation, else in PATH.
  // Returns what is wrong with `settings`, as `srt` words it; then nothing has changed.
  [[nodiscard]] std::string initialise(const std::string& settings,
                                       const std::string& program = {});

  // The command line that runs `argv` in the sandbox: for callers that spawn themselves. Valid until the
  // next initialise(), update_network() or reset().
  [[nodiscard]] std::vector<std::string> wrap(const std::vector<std::string>& argv) const;

  // Runs it with the caller's standard descriptors and waits.
  [[nodiscard]] Outcome run(const std::vector<std::string>& argv);

  // Replaces allowedDomains and deniedDomains: for what runs now (run() in another thread), and for what
  // will. The one call that may come from another thread than run()'s.
  [[nodiscard]] std::string update_network(const std::vector<std::string>& allowed,
                                           const std::vector<std::string>& denied);

  // What was blocked, one JSON object each, told when a run() ends.
  void on_violation(std::function<void(const std::string& json)> tell);

  // Forgets the policy and removes what was made.
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace srt
