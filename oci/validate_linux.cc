// Rules of config-linux.md, but for resources and seccomp.
#include <algorithm>
#include <array>
#include <string_view>

#include "oci/names.h"
#include "oci/rules.h"
#include "oci/validate.h"

namespace srt::oci {
namespace {

// Reports that the property at `path` / `property` is set without a namespace that it configures.
void check_has_namespace(const Path& path, std::string_view property, const Linux& os,
                         NamespaceType type, Diagnostics& diagnostics) {
  const auto is_it = [&](const Namespace& ns) { return ns.type == type; };
  if (std::any_of(items(os.namespaces).begin(), items(os.namespaces).end(), is_it)) return;
  const Path namespaces = path / "namespaces";
  if (!diagnostics.clean(namespaces)) return;  // it may be the entry that could not be read
  diagnostics.add_new(path / property, "needs a " + std::string(name(type)) + " namespace in " +
                                           namespaces.pointer());
}

void check_namespaces(const Path& path, const List<Namespace>& namespaces,
                      Diagnostics& diagnostics) {
  constexpr size_t kNone = SIZE_MAX;
  std::array<size_t, kNames<NamespaceType>.size()> first;
  first.fill(kNone);
  for (size_t i = 0; i < items(namespaces).size(); ++i) {
    const Namespace& ns = items(namespaces)[i];
    const Path at = path / i;
    if (is_set(ns.path)) check_absolute(at / "path", *ns.path, diagnostics);
    size_t& before = first[static_cast<size_t>(ns.type)];
    if (!diagnostics.clean(at / "type")) continue;
    if (before == kNone) {
      before = i;
    } else {
      diagnostics.add_new(at / "type", in_quotes(name(ns.type)) + " is there twice, first at " +
                                           (path / before).pointer());
    }
  }
}

// Two ranges of the same side must not share an id: the kernel refuses the whole map (EINVAL), and
// says no more than that. Any number of mappings, hence by sorting.
void check_overlaps(const Path& path, const std::vector<IdMapping>& mappings,
                    uint32_t IdMapping::*side, std::string_view property,
                    Diagnostics& diagnostics) {
  std::vector<size_t> order(mappings.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(mappings[a].*side, a) < std::pair(mappings[b].*side, b);
  });
  size_t widest = 0;  // of those before, the one that reaches furthest
  const auto behind = [&](size_t i) { return uint64_t{mappings[i].*side} + mappings[i].size; };
  for (size_t k = 1; k < order.size(); ++k) {
    if (behind(order[k - 1]) > behind(order[widest])) widest = k - 1;
    const size_t other = order[widest];
    if (mappings[order[k]].*side >= behind(other) || mappings[order[k]].size == 0) continue;
    const Path at = path / std::max(order[k], other);
    const Path also = path / std::min(order[k], other);
    if (diagnostics.clean(also)) {
      diagnostics.add_new(at / property, "overlaps with " + also.pointer());
    }
  }
}

void check_device(const Path& path, const Device& device, Diagnostics& diagnostics) {
  constexpr int64_t kMaxMajor = (1 << 12) - 1;  // the kernel's MINORBITS is 20
  constexpr int64_t kMaxMinor = (1 << 20) - 1;
  constexpr uint32_t kFileTypeBits = 0170000;  // engines pass st_mode on as it is
  check_absolute(path / "path", device.path, diagnostics);
  if (device.type != DeviceType::kFifo) {
    if (!device.major) diagnostics.add_new(path / "major", "is required unless the type is \"p\"");
    if (!device.minor) diagnostics.add_new(path / "minor", "is required unless the type is \"p\"");
    check_between(path / "major", device.major, 0, kMaxMajor, diagnostics);
    check_between(path / "minor", device.minor, 0, kMaxMinor, diagnostics);
  }
  check_id(path / "uid", device.uid, diagnostics);
  check_id(path / "gid", device.gid, diagnostics);
  if (device.file_mode && (*device.file_mode & ~kFileTypeBits) > 07777) {
    diagnostics.add_new(path / "fileMode", "must be at most 4095 (07777) and a file type, got " +
                                               std::to_string(*device.file_mode));
  }
}

void check_net_devices(const Path& path, const Linux& os, Diagnostics& diagnostics) {
  const Path devices = path / "netDevices";
  for (const auto& [name_outside, device] : items(os.net_devices)) {
    const Path at = devices / name_outside;
    check_interface_name(at, name_outside, diagnostics);
    if (is_set(device.name)) check_interface_name(at / "name", *device.name, diagnostics);
  }
  if (!items(os.net_devices).empty()) {
    check_has_namespace(path, "netDevices", os, NamespaceType::kNetwork, diagnostics);
  }
}

void check_mappings(const Path& path, const Linux& os, Diagnostics& diagnostics) {
  check_id_mappings(path / "uidMappings", os.uid_mappings, diagnostics);
  check_id_mappings(path / "gidMappings", os.gid_mappings, diagnostics);
  if (!items(os.uid_mappings).empty()) {
    check_has_namespace(path, "uidMappings", os, NamespaceType::kUser, diagnostics);
  }
  if (!items(os.gid_mappings).empty()) {
    check_has_namespace(path, "gidMappings", os, NamespaceType::kUser, diagnostics);
  }
}

// A key is a path below /proc/sys, with '.' or '/' between its parts.
void check_sysctl(const Path& path, const StringMap& sysctl, Diagnostics& diagnostics) {
  for (const auto& [key, value] : items(sysctl)) {
    if (key.empty() || key.starts_with('/') || key.starts_with('.')) {
      diagnostics.add_new(path / key,
                          "must be the name of a kernel parameter, got " + in_quotes(key));
    } else if (("/" + key + "/").find("/../") != std::string::npos) {
      diagnostics.add_new(path / key, "must not leave /proc/sys, got " + in_quotes(key));
    }
  }
}

void check_time_offset(const Path& path, const std::optional<TimeOffset>& offset,
                       Diagnostics& diagnostics) {
  if (offset && offset->nanosecs) {
    check_at_most(path / "nanosecs", *offset->nanosecs, 999'999'999, diagnostics);
  }
}

void check_time_offsets(const Path& path, const Linux& os, Diagnostics& diagnostics) {
  if (!os.time_offsets) return;
  const Path offsets = path / "timeOffsets";
  check_time_offset(offsets / "boottime", os.time_offsets->boottime, diagnostics);
  check_time_offset(offsets / "monotonic", os.time_offsets->monotonic, diagnostics);
  if (os.time_offsets->boottime || os.time_offsets->monotonic) {
    check_has_namespace(path, "timeOffsets", os, NamespaceType::kTime, diagnostics);
  }
}

// A newline would be a second line of resctrl's schemata file.
void check_schema(const Path& path, const std::string& schema, Diagnostics& diagnostics) {
  if (schema.find('\n') != std::string::npos) {
    diagnostics.add_new(path, "must not contain a newline, got " + in_quotes(schema));
  }
}

void check_intel_rdt(const Path& path, const IntelRdt& rdt, Diagnostics& diagnostics) {
  // closID is a directory of resctrl; "/" alone is its root, the default class (spec 1.3).
  if (rdt.clos_id && *rdt.clos_id != "/" &&
      (*rdt.clos_id == "." || *rdt.clos_id == ".." ||
       rdt.clos_id->find('/') != std::string::npos)) {
    diagnostics.add_new(path / "closID",
                        "must be \"/\" or the name of a directory, got " + in_quotes(*rdt.clos_id));
  }
  const Path schemata = path / "schemata";
  for (size_t i = 0; i < items(rdt.schemata).size(); ++i) {
    check_schema(schemata / i, items(rdt.schemata)[i], diagnostics);
  }
  if (rdt.l3_cache_schema) check_schema(path / "l3CacheSchema", *rdt.l3_cache_schema, diagnostics);
  if (is_set(rdt.mem_bw_schema)) {
    check_schema(path / "memBwSchema", *rdt.mem_bw_schema, diagnostics);
    if (!rdt.mem_bw_schema->starts_with("MB:")) {
      diagnostics.add_new(path / "memBwSchema",
                          "must start with \"MB:\", got " + in_quotes(*rdt.mem_bw_schema));
    }
  }
}

enum class Nodes { kNone, kSome, kAny };

// set_mempolicy(2).
Nodes nodes_of(MemoryPolicyMode mode) {
  switch (mode) {
    case MemoryPolicyMode::kDefault:
    case MemoryPolicyMode::kLocal: return Nodes::kNone;
    case MemoryPolicyMode::kBind:
    case MemoryPolicyMode::kInterleave:
    case MemoryPolicyMode::kWeightedInterleave:
    case MemoryPolicyMode::kPreferredMany: return Nodes::kSome;
    case MemoryPolicyMode::kPreferred: return Nodes::kAny;
  }
  return Nodes::kAny;
}

void check_memory_policy(const Path& path, const MemoryPolicy& policy, Diagnostics& diagnostics) {
  check_cpu_list(path / "nodes", policy.nodes, diagnostics);
  if (!policy.mode) return diagnostics.add_new(path / "mode", "is required");
  if (!diagnostics.clean(path / "mode")) return;
  const Nodes nodes = nodes_of(*policy.mode);
  if (nodes == Nodes::kNone && is_set(policy.nodes)) {
    diagnostics.add_new(path / "nodes", "must be empty with " + std::string(name(*policy.mode)) +
                                            ", got " + in_quotes(*policy.nodes));
  }
  if (nodes == Nodes::kSome && !is_set(policy.nodes)) {
    diagnostics.add_new(path / "nodes", "is required with " + std::string(name(*policy.mode)));
  }
  const auto has = [&](MemoryPolicyFlag flag) {
    return std::count(items(policy.flags).begin(), items(policy.flags).end(), flag) > 0;
  };
  if (has(MemoryPolicyFlag::kRelativeNodes) && has(MemoryPolicyFlag::kStaticNodes)) {
    diagnostics.add_new(path / "flags",
                        "must not have both MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES");
  }
}

void check_personality(const Path& path, const Personality& personality, Diagnostics& diagnostics) {
  if (!personality.domain) diagnostics.add_new(path / "domain", "is required");
  // config-linux.md: "Currently no flag values are supported."
  if (!items(personality.flags).empty()) {
    diagnostics.add_new(path / "flags", "must be empty: the specification defines no flag");
  }
}

}  // namespace

void check_id_mappings(const Path& path, const List<IdMapping>& mappings,
                       Diagnostics& diagnostics) {
  constexpr uint64_t kEnd = uint64_t{1} << 32;
  for (size_t i = 0; i < items(mappings).size(); ++i) {
    const IdMapping& mapping = items(mappings)[i];
    const Path at = path / i;
    const uint64_t furthest = std::max(mapping.container_id, mapping.host_id);
    if (mapping.size == 0) {
      diagnostics.add_new(at / "size", "must be at least 1");
    } else if (furthest + mapping.size > kEnd) {
      diagnostics.add_new(
          at / "size", "must not reach beyond id 4294967295, got " + std::to_string(mapping.size));
    }
  }
  check_overlaps(path, items(mappings), &IdMapping::container_id, "containerID", diagnostics);
  check_overlaps(path, items(mappings), &IdMapping::host_id, "hostID", diagnostics);
}

void check_linux(const Path& path, const Linux& os, Diagnostics& diagnostics) {
  const Path devices = path / "devices";
  for (size_t i = 0; i < items(os.devices).size(); ++i) {
    check_device(devices / i, items(os.devices)[i], diagnostics);
  }
  check_namespaces(path / "namespaces", os.namespaces, diagnostics);
  check_net_devices(path, os, diagnostics);
  check_mappings(path, os, diagnostics);
  if (os.resources) check_resources(path / "resources", *os.resources, diagnostics);
  if (os.seccomp) check_seccomp(path / "seccomp", *os.seccomp, diagnostics);
  check_sysctl(path / "sysctl", os.sysctl, diagnostics);
  check_all_absolute(path / "maskedPaths", os.masked_paths, diagnostics);
  check_all_absolute(path / "readonlyPaths", os.readonly_paths, diagnostics);
  if (os.intel_rdt) check_intel_rdt(path / "intelRdt", *os.intel_rdt, diagnostics);
  if (os.memory_policy) check_memory_policy(path / "memoryPolicy", *os.memory_policy, diagnostics);
  if (os.personality) check_personality(path / "personality", *os.personality, diagnostics);
  check_time_offsets(path, os, diagnostics);
}

}  // namespace srt::oci
