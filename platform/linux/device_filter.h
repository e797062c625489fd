// linux.resources.devices → which devices a container may open or make.
//
// Both kinds of hosts are given the same rules: the bundle's in their order, then those that every
// container needs. For each requested letter of "rwm" the last rule that names it decides; a device
// that no rule names is refused.
//
//   SRT_ASSIGN(DeviceFilter filter, make_device_filter(resources));
//   v2: device_program(filter)        the program that the kernel asks
//   v1: device_writes(filter)         what to write into devices.deny and devices.allow
//
// Pure data, no system call; load_device_program() alone touches the kernel.
// Source: config-linux.md "Allowed Device list", cgroup-v1/devices.rst, bpf(2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"

namespace srt::platform {

enum DeviceAccess : uint32_t { kMknod = 1, kRead = 2, kWrite = 4, kAllAccess = 7 };  // as in bpf.h

struct DeviceRule {
  bool allow = false;
  char type = 'a';     // 'b', 'c'
  int64_t major = -1;  // -1: any
  int64_t minor = -1;
  uint32_t access = kAllAccess;
  std::string pointer;  // JSON pointer of the rule; empty: one that every container needs
  bool operator==(const DeviceRule&) const = default;
};

struct DeviceFilter {
  bool allow_by_default = false;
  std::vector<DeviceRule> rules;  // the last that matches decides
  bool allows_everything() const { return allow_by_default && rules.empty(); }
};

// `resources` may be null: then only the rules that every container needs apply.
Result<DeviceFilter> make_device_filter(const oci::Resources* resources);

// As the control group would answer a process in it, for whoever acts for one from outside. `access`: several of them.
bool allows(const DeviceFilter& filter, char type, int64_t major, int64_t minor, uint32_t access);

// struct bpf_insn as u64, for BPF_PROG_TYPE_CGROUP_DEVICE.
std::vector<uint64_t> device_program(const DeviceFilter& filter);

struct DeviceWrite {
  bool allow = false;  // devices.allow, else devices.deny
  std::string value;   // "c 1:3 rwm"
  std::string pointer;
  bool operator==(const DeviceWrite&) const = default;
};
// Fails on a rule that takes a part out of a wider one: v1 keeps a set of exceptions from which
// only equal ones can be taken, and would keep silent.
Result<std::vector<DeviceWrite>> device_writes(const DeviceFilter& filter);

// Loads and attaches to the cgroup directory (v2), beside programs that are there: all must agree.
Result<void> load_device_program(const std::vector<uint64_t>& program,
                                 const std::string& directory);

}  // namespace srt::platform
