// The plan of a program on macOS: all decisions, no side effect. launch.cc is its one interpreter.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/spec.h"
#include "platform/platform.h"

namespace srt::platform {

namespace darwin {

inline constexpr const char* kSandboxExec = "/usr/bin/sandbox-exec";

// Stands in the environment of whatever runs in the sandbox: "SRT_SANDBOX_RUN=…".
std::string run_variable(const std::string& run);

struct Rlimit {
  int resource = 0;
  rlimit limit{};
};

// What sandbox-exec becomes.
struct ProcessPlan {
  std::string program;                 // absolute: nothing is looked up again behind the check
  std::vector<std::string> arguments;  // behind the program's name
  std::vector<std::string> environment;
  std::string cwd;
  std::optional<uid_t> uid;  // with gid and groups: only where it is not the caller's own
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::optional<mode_t> umask;
  std::vector<Rlimit> rlimits;
  uint64_t ignored_signals = 0;  // bit n-1: it starts ignoring signal n
  bool terminal = false;
  std::optional<oci::Box> console_size;
  std::string profile;  // SBPL

  std::vector<std::string> command_line() const;  // sandbox-exec's
};

// `profile` is left empty.
Result<ProcessPlan> plan_process(const oci::Process& process, const std::string& run);

}  // namespace darwin

struct Plan::Content {
  std::string id, bundle, oci_version;
  oci::StringMap annotations;
  Handle foreseen;
  darwin::ProcessPlan process;
  std::vector<oci::Hook> create_container_hooks, start_container_hooks;
  std::string console_socket;
  unsigned preserve_fds = 0;
  bool foreground = false, die_with_caller = false;
  std::vector<std::string> warnings, notes;
};

}  // namespace srt::platform
