// srt-runtime features: what this build supports, as the features document of the specification.
#include "oci/features.h"

#include "platform/platform.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

namespace doc = oci::features;

doc::Seccomp seccomp_of(const platform::Features& has) {
  doc::Seccomp seccomp;
  seccomp.enabled = has.seccomp;
  seccomp.actions = has.seccomp_actions;
  seccomp.operators = has.seccomp_operators;
  seccomp.archs = has.seccomp_archs;
  seccomp.known_flags = has.seccomp_known_flags;
  seccomp.supported_flags = has.seccomp_supported_flags;
  return seccomp;
}

doc::Features document(const platform::Features& has) {
  doc::Features features = doc::known_features();
  features.mount_options = has.mount_options;
  doc::Linux& os = features.linux_ ? *features.linux_ : features.linux_.emplace();
  os.namespaces = has.namespaces;
  os.capabilities = has.capabilities;
  os.cgroup = doc::Cgroup{.v1 = has.cgroup_v1,
                          .v2 = has.cgroup_v2,
                          .systemd = has.systemd,
                          .systemd_user = has.systemd,
                          .rdma = has.rdma};
  os.seccomp = seccomp_of(has);
  os.apparmor = doc::Enabled{has.apparmor};
  os.selinux = doc::Enabled{has.selinux};
  os.intel_rdt = doc::IntelRdt{
      .enabled = has.intel_rdt, .schemata = has.intel_rdt, .monitoring = has.intel_rdt};
  os.memory_policy = doc::MemoryPolicy{has.memory_policy_modes, has.memory_policy_flags};
  os.mount_extensions = doc::MountExtensions{doc::Enabled{has.idmap_mounts}};
  os.net_devices = doc::Enabled{has.net_devices};
  if (!has.annotations.empty()) features.annotations = has.annotations;
  return features;
}

Result<int> run(const Invocation&) {
  return print(doc::print(document(platform::features()), oci::Layout::kPretty));
}

}  // namespace

const Verb kFeatures{
    "features", "", "print what this build supports, as JSON", "  srt-runtime features\n", {}, 0,
    0,          run};

}  // namespace srt::shim
