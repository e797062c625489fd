// Tries on the running kernel what a container needs, in forked processes that leave nothing
// behind.
//
// Trying is better than reading settings: which of a dozen of them forbids something is a question
// for afterwards. Probes run as an ordinary user even when the caller is root, since that is who
// wants to know. The caller must be single-threaded (they fork).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace srt::platform {

// errno of the first thing that failed, 0: all worked.
struct Probe {
  const char* step = "";  // what was tried last
  int error = 0;
  bool tried = true;  // false: the way to it failed, and nothing is known of the thing itself
  explicit operator bool() const { return error == 0; }
};

// A user namespace with an id map, and every other namespace and a mount in it.
Probe probe_user_namespaces();
// The egress guard's nftables rules in an own network namespace, by netlink alone.
Probe probe_nf_tables();
// An overlay mount in a user namespace.
Probe probe_overlay();
// A seccomp filter, and one with user notification.
Probe probe_seccomp_filter();
Probe probe_seccomp_notification();
// A time, a cgroup namespace in a user namespace.
Probe probe_time_namespace();
Probe probe_cgroup_namespace();

// Whether the kernel has the call, by its answer to arguments that do nothing.
bool has_system_call(long number);

// What a program prints to stdout, run without environment; nullopt: it failed.
std::optional<std::string> output_of(const std::vector<std::string>& command);

}  // namespace srt::platform
