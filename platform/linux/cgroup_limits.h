// linux.resources → what is to be written into which controller's files; devices excepted.
//
// The specification is written for v1. On v2 memory plus swap becomes swap alone, shares become a
// weight, -1 becomes "max". What a host's version has no word for is an error that names the
// property, not silence; what means nothing (0 where 0 is "unset", empty lists) is left out.
// Source: config-linux.md "Memory" to "Unified", cgroup-v1/*.rst, cgroup-v2.rst.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/linux/cgroup.h"

namespace srt::platform {

struct CgroupLimit {
  std::string controller;  // "memory", "cpuset"; v2's "cgroup.…" files: ""
  std::string file;        // "memory.limit_in_bytes"
  std::string value;
  std::string pointer;
  bool unlimited = false;  // asks for what a new cgroup has anyway
  bool optional = false;   // as in CgroupWrite
  std::string else_file, else_value;
  bool operator==(const CgroupLimit&) const = default;
};

// In the order in which the kernel accepts them in a new cgroup.
Result<std::vector<CgroupLimit>> cgroup_limits(const oci::Resources& resources,
                                               CgroupVersions versions);

CgroupWrite cgroup_write(const CgroupLimit& limit, const std::string& directory);

// v1's 2…262144 to v2's 1…10000 on a curve that maps the defaults, 1024 and 100, to each other: the
// one that runc and crun use, so that a container weighs the same under each.
uint64_t cpu_weight(uint64_t shares);

}  // namespace srt::platform
