// The property tables of config-linux.md; see fields.h.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "oci/fields_resources.h"
#include "oci/spec.h"

namespace srt::oci {

template <FieldsOf<IdMapping> T, class Visit>
void visit_fields(T& mapping, Visit&& visit) {
  visit("containerID", mapping.container_id);
  visit("hostID", mapping.host_id);
  visit("size", mapping.size);
}

template <FieldsOf<Namespace> T, class Visit>
void visit_fields(T& ns, Visit&& visit) {
  visit("type", ns.type);
  visit("path", ns.path);
}

template <FieldsOf<TimeOffset> T, class Visit>
void visit_fields(T& offset, Visit&& visit) {
  visit("secs", offset.secs);
  visit("nanosecs", offset.nanosecs);
}

template <FieldsOf<TimeOffsets> T, class Visit>
void visit_fields(T& offsets, Visit&& visit) {
  visit("boottime", offsets.boottime);
  visit("monotonic", offsets.monotonic);
}

// Device::type and Device::unbuffered are one letter in the file.
template <class T>
struct DeviceLetter {
  T& device;
};

template <FieldsOf<Device> T, class Visit>
void visit_fields(T& device, Visit&& visit) {
  DeviceLetter<T> letter{device};
  visit("type", letter);
  visit("path", device.path);
  visit("major", device.major);
  visit("minor", device.minor);
  visit("fileMode", device.file_mode);
  visit("uid", device.uid);
  visit("gid", device.gid);
}

template <FieldsOf<NetDevice> T, class Visit>
void visit_fields(T& device, Visit&& visit) {
  visit("name", device.name);
}

template <FieldsOf<SeccompArg> T, class Visit>
void visit_fields(T& arg, Visit&& visit) {
  visit("index", arg.index);
  visit("value", arg.value);
  visit("valueTwo", arg.value_two);
  visit("op", arg.op);
}

template <FieldsOf<SeccompSyscall> T, class Visit>
void visit_fields(T& rule, Visit&& visit) {
  visit("names", rule.names);
  visit("action", rule.action);
  visit("errnoRet", rule.errno_ret);
  visit("args", rule.args);
}

template <FieldsOf<Seccomp> T, class Visit>
void visit_fields(T& seccomp, Visit&& visit) {
  visit("defaultAction", seccomp.default_action);
  visit("defaultErrnoRet", seccomp.default_errno_ret);
  visit("architectures", seccomp.architectures);
  visit("flags", seccomp.flags);
  visit("listenerPath", seccomp.listener_path);
  visit("listenerMetadata", seccomp.listener_metadata);
  visit("syscalls", seccomp.syscalls);
}

template <FieldsOf<IntelRdt> T, class Visit>
void visit_fields(T& rdt, Visit&& visit) {
  visit("closID", rdt.clos_id);
  visit("schemata", rdt.schemata);
  visit("l3CacheSchema", rdt.l3_cache_schema);
  visit("memBwSchema", rdt.mem_bw_schema);
  visit("enableMonitoring", rdt.enable_monitoring);
}

template <FieldsOf<MemoryPolicy> T, class Visit>
void visit_fields(T& policy, Visit&& visit) {
  visit("mode", policy.mode);
  visit("nodes", policy.nodes);
  visit("flags", policy.flags);
}

template <FieldsOf<Personality> T, class Visit>
void visit_fields(T& personality, Visit&& visit) {
  visit("domain", personality.domain);
  visit("flags", personality.flags);
}

template <FieldsOf<Linux> T, class Visit>
void visit_fields(T& os, Visit&& visit) {
  visit("devices", os.devices);
  visit("netDevices", os.net_devices);
  visit("uidMappings", os.uid_mappings);
  visit("gidMappings", os.gid_mappings);
  visit("namespaces", os.namespaces);
  visit("resources", os.resources);
  visit("cgroupsPath", os.cgroups_path);
  visit("rootfsPropagation", os.rootfs_propagation);
  visit("seccomp", os.seccomp);
  visit("sysctl", os.sysctl);
  visit("maskedPaths", os.masked_paths);
  visit("readonlyPaths", os.readonly_paths);
  visit("mountLabel", os.mount_label);
  visit("intelRdt", os.intel_rdt);
  visit("memoryPolicy", os.memory_policy);
  visit("personality", os.personality);
  visit("timeOffsets", os.time_offsets);
}

}  // namespace srt::oci
