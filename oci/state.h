// What a runtime says about a container (runtime.md, "State"): to hooks on stdin, to `state`, and
// to a seccomp agent (config-linux.md, "The Container Process State").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/diagnostics.h"
#include "oci/spec.h"
#include "oci/write.h"  // Layout

namespace srt::oci {

enum class Status { kCreating, kCreated, kRunning, kStopped };

template <>
inline constexpr NameTable<4> kNames<Status> = {"creating", "created", "running", "stopped"};

struct State {
  std::string oci_version;
  std::string id;
  Status status = Status::kCreating;
  std::optional<int64_t> pid;  // of the first process, as the runtime sees it; not once stopped
  std::string bundle;          // absolute
  StringMap annotations;
  bool operator==(const State&) const = default;
};

struct ContainerProcessState {
  std::string oci_version;
  List<std::string> fds;  // names, in the order of the SCM_RIGHTS array: "seccompFd"
  int64_t pid = 0;
  std::optional<std::string> metadata;  // linux.seccomp.listenerMetadata
  State state;
  bool operator==(const ContainerProcessState&) const = default;
};

Checked<State> parse_state(std::string_view json, const std::string& file);
std::string print(const State& state, Layout layout = Layout::kPretty);
std::string print(const ContainerProcessState& state, Layout layout = Layout::kCompact);

}  // namespace srt::oci
