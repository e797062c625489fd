// The features document (features.md, features-linux.md of runtime-spec 1.3): what this build
// knows, whatever the host has. An absent member means "unknown", an empty list "none".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/diagnostics.h"
#include "oci/spec.h"
#include "oci/write.h"  // Layout

namespace srt::oci::features {

struct Enabled {
  std::optional<bool> enabled;
  bool operator==(const Enabled&) const = default;
};

struct Cgroup {
  std::optional<bool> v1;
  std::optional<bool> v2;
  std::optional<bool> systemd;
  std::optional<bool> systemd_user;
  std::optional<bool> rdma;
  bool operator==(const Cgroup&) const = default;
};

struct Seccomp {
  std::optional<bool> enabled;
  List<std::string> actions;
  List<std::string> operators;
  List<std::string> archs;
  List<std::string> known_flags;
  List<std::string> supported_flags;
  bool operator==(const Seccomp&) const = default;
};

struct IntelRdt {
  std::optional<bool> enabled;
  std::optional<bool> schemata;
  std::optional<bool> monitoring;
  bool operator==(const IntelRdt&) const = default;
};

struct MemoryPolicy {
  List<std::string> modes;
  List<std::string> flags;
  bool operator==(const MemoryPolicy&) const = default;
};

struct MountExtensions {
  std::optional<Enabled> idmap;
  bool operator==(const MountExtensions&) const = default;
};

struct Linux {
  List<std::string> namespaces;
  List<std::string> capabilities;
  std::optional<Cgroup> cgroup;
  std::optional<Seccomp> seccomp;
  std::optional<Enabled> apparmor;
  std::optional<Enabled> selinux;
  std::optional<IntelRdt> intel_rdt;
  std::optional<MemoryPolicy> memory_policy;
  std::optional<MountExtensions> mount_extensions;
  std::optional<Enabled> net_devices;
  bool operator==(const Linux&) const = default;
};

struct Features {
  std::string oci_version_min;
  std::string oci_version_max;
  List<std::string> hooks;
  List<std::string> mount_options;
  std::optional<Linux> linux_;
  StringMap annotations;
  List<std::string> potentially_unsafe_config_annotations;
  bool operator==(const Features&) const = default;
};

// The names that oci/names.h has for E, as this document lists them.
template <class E>
std::vector<std::string> all_names() {
  return {kNames<E>.begin(), kNames<E>.end()};
}

// What this room knows by itself: versions, hooks, namespaces, seccomp's actions, operators,
// architectures and flags, memory policies. The engine adds what it supports.
Features known_features();

Checked<Features> parse_features(std::string_view json, const std::string& file);
std::string print(const Features& features, Layout layout = Layout::kPretty);

}  // namespace srt::oci::features
