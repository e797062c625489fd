// A container under an egress policy: what changes in its bundle, and srt-monitor beside it.
//
//   SRT_ASSIGN(Egress egress, Egress::of(bundle, request, state_folder));   // no side effect
//   …                                                                        // bundle.spec has changed
//   SRT_TRY(egress.start(monitor, entry, id));                               // only if egress.present()
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "oci/error.h"
#include "platform/monitor.h"
#include "platform/platform.h"
#include "proxy/masked_secret.h"
#include "runtime/container_id.h"
#include "runtime/policy.h"
#include "runtime/store.h"

namespace srt::runtime {

class Egress {
 public:
  // The effective policy of `bundle`; where there is one, the bundle's environment, resolv.conf and
  // network namespace are made to fit, and where the guard stands on the host's loopback, its port is
  // taken. `state_folder`: where the container's files will lie; empty: it is only looked at (plan).
  static Result<Egress> of(platform::Bundle& bundle, const std::string& policy_file,
                           const std::string& state_folder);

  // The same for a policy that is known: a command of `srt`.
  static Result<Egress> with(EffectivePolicy policy, platform::Bundle& bundle,
                             const std::string& state_folder);

  // What the guard puts into requests (proxy/masked_secret.h): before start().
  void carry(proxy::MaskedSecrets secrets) { secrets_ = std::move(secrets); }

  bool present() const { return policy_.present; }
  const EffectivePolicy& policy() const { return policy_; }
  platform::EgressOptions options() const;

  // What the container finds as /etc/resolv.conf: before the plan is made, which mounts it.
  Result<void> write_resolv_conf(const Entry& entry) const;

  // Makes the audit folder and the command socket, starts srt-monitor. `tls`: its socket to srt-tls; -1: none.
  Result<void> start(platform::Monitor& monitor, const Entry& entry, const ContainerId& id,
                     int tls = -1) const;

 private:
  Result<void> use_own_network(platform::Bundle& bundle, const std::string& state_folder);

  EffectivePolicy policy_;
  proxy::MaskedSecrets secrets_;
  // The namespace that the bundle named, and what resolves names there: the guard dials from it.
  std::string dial_namespace_, resolv_conf_;
  platform::WayOut way_out_;
};

// The unix socket that it leads to; empty: none.
std::string proxy_socket(const EffectivePolicy& policy);

// The folder `audit` of a container's state folder, and what srt-broker refused, in it.
Result<UniqueFd> make_audit_folder(int state_dir);
Result<UniqueFd> open_file_violations(int state_dir);

// One more process gets the proxy variables that the container's first one got.
void inherit_proxy_environment(oci::Process& process, const oci::Spec& container);

// Replaces the rules of a running container. New connections at once; existing ones that are now denied
// are cut. Error: the policy, or the monitor's answer; the last policy then stays.
Result<void> replace_policy(const Store& store, const ContainerId& id,
                            const EffectivePolicy& policy);
// The same from a file, within the bounds of the operator's policy.
Result<void> update_policy(const Store& store, const ContainerId& id, const std::string& file);

}  // namespace srt::runtime
