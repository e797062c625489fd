// The scope that systemd is asked for when an engine leaves the control groups to it (--systemd-cgroup).
// Decides, and asks nobody: scope.h carries it out.
//
// linux.cgroupsPath is then "SLICE:PREFIX:NAME", as runc has it: the scope PREFIX-NAME.scope in SLICE. cgroup v2
// only: on v1 systemd rewrites device rules and limits at its next reload.
// Source: systemd.scope(5), systemd.slice(5), org.freedesktop.systemd1(5), systemd's "Control Group APIs and
// Delegation".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::platform {

struct CgroupLimit;

struct ScopeProperty {
  std::string name;  // "MemoryMax"
  std::string type;  // D-Bus: b, i, u, x, t, s, or ay
  std::variant<bool, int64_t, uint64_t, std::string, std::vector<uint8_t>> value;
  bool operator==(const ScopeProperty&) const = default;
};

struct ScopePlan {
  std::string unit;    // "docker-web.scope"
  std::string slice;   // "system.slice"
  std::string cgroup;  // below the hierarchy's root: "/system.slice/docker-web.scope"
  std::vector<ScopeProperty> properties;
  bool operator==(const ScopePlan&) const = default;
};

struct ScopeRequest {
  const std::string& id;
  const std::string& cgroups_path;    // empty: a scope named after the id, where runc would put it
  const oci::StringMap& annotations;  // org.systemd.property.NAME: a GVariant text
  bool is_host_root = false;          // of the system's manager; else of the user's own
  uid_t host_uid = 0;                 // the user's, in the initial user namespace
};
Result<ScopePlan> plan_scope(const ScopeRequest& request);

// The caller's uid in the initial user namespace, as far as one namespace's map tells.
uid_t host_uid();

// The same limits as unit properties: systemd writes its own again at each reload. What it has no property for is
// left to the control group's files, which the unit delegates.
std::vector<ScopeProperty> scope_properties(const std::vector<CgroupLimit>& limits);

// "/a.slice/a-b.slice" of "a-b.slice"; "" of "-.slice".
Result<std::string> slice_path(const std::string& slice);

}  // namespace srt::platform
