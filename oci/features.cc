#include "oci/features.h"

#include "oci/read.h"
#include "oci/version.h"

namespace srt::oci::features {

template <FieldsOf<Enabled> T, class Visit>
void visit_fields(T& feature, Visit&& visit) {
  visit("enabled", feature.enabled);
}

template <FieldsOf<Cgroup> T, class Visit>
void visit_fields(T& cgroup, Visit&& visit) {
  visit("v1", cgroup.v1);
  visit("v2", cgroup.v2);
  visit("systemd", cgroup.systemd);
  visit("systemdUser", cgroup.systemd_user);
  visit("rdma", cgroup.rdma);
}

template <FieldsOf<Seccomp> T, class Visit>
void visit_fields(T& seccomp, Visit&& visit) {
  visit("enabled", seccomp.enabled);
  visit("actions", seccomp.actions);
  visit("operators", seccomp.operators);
  visit("archs", seccomp.archs);
  visit("knownFlags", seccomp.known_flags);
  visit("supportedFlags", seccomp.supported_flags);
}

template <FieldsOf<IntelRdt> T, class Visit>
void visit_fields(T& rdt, Visit&& visit) {
  visit("enabled", rdt.enabled);
  visit("schemata", rdt.schemata);
  visit("monitoring", rdt.monitoring);
}

template <FieldsOf<MemoryPolicy> T, class Visit>
void visit_fields(T& policy, Visit&& visit) {
  visit("modes", policy.modes);
  visit("flags", policy.flags);
}

template <FieldsOf<MountExtensions> T, class Visit>
void visit_fields(T& extensions, Visit&& visit) {
  visit("idmap", extensions.idmap);
}

template <FieldsOf<Linux> T, class Visit>
void visit_fields(T& os, Visit&& visit) {
  visit("namespaces", os.namespaces);
  visit("capabilities", os.capabilities);
  visit("cgroup", os.cgroup);
  visit("seccomp", os.seccomp);
  visit("apparmor", os.apparmor);
  visit("selinux", os.selinux);
  visit("intelRdt", os.intel_rdt);
  visit("memoryPolicy", os.memory_policy);
  visit("mountExtensions", os.mount_extensions);
  visit("netDevices", os.net_devices);
}

template <FieldsOf<Features> T, class Visit>
void visit_fields(T& features, Visit&& visit) {
  visit("ociVersionMin", features.oci_version_min);
  visit("ociVersionMax", features.oci_version_max);
  visit("hooks", features.hooks);
  visit("mountOptions", features.mount_options);
  visit("linux", features.linux_);
  visit("annotations", features.annotations);
  visit("potentiallyUnsafeConfigAnnotations", features.potentially_unsafe_config_annotations);
}

Features known_features() {
  Features known;
  known.oci_version_min = kOciVersionMin;
  known.oci_version_max = kOciVersionMax;
  known.hooks.emplace();
  Hooks hooks;
  oci::visit_fields(hooks,
                    [&](std::string_view property, auto&) { known.hooks->emplace_back(property); });
  Linux& os = known.linux_.emplace();
  os.namespaces = all_names<NamespaceType>();
  Seccomp& seccomp = os.seccomp.emplace();
  seccomp.actions = all_names<SeccompAction>();
  seccomp.operators = all_names<SeccompOperator>();
  seccomp.archs = all_names<SeccompArch>();
  seccomp.known_flags = all_names<SeccompFlag>();
  MemoryPolicy& policy = os.memory_policy.emplace();
  policy.modes = all_names<MemoryPolicyMode>();
  policy.flags = all_names<MemoryPolicyFlag>();
  return known;
}

Checked<Features> parse_features(std::string_view json, const std::string& file) {
  return read_document<Features>(json, file);
}

std::string print(const Features& features, Layout layout) {
  return write_document(features, layout);
}

}  // namespace srt::oci::features
