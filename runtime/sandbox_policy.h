// What a command under `srt` may do, all layers said and done.
//
//   LayerSources sources{.cwd = "/home/u/project", .home = "/home/u"};
//   SRT_ASSIGN(SandboxPolicy policy, sandbox_policy(sources));
//   explain(policy)                          // runtime/explain.h
//   filesystem_mounts(policy.filesystem, …)  // runtime/filesystem_mounts.h
//
// The operator's document is a ceiling: what the user's documents, variables and flags open beyond it is
// an error that names both. The user's are taken together: lists add up. A project's only narrows: a path or a destination must be allowed by it as well, what it
// denies is denied, and what it would open or choose is left out with a note. Nobody says anything: no
// network, no writes, all reads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/error.h"
#include "runtime/filesystem_rules.h"
#include "runtime/layers.h"
#include "runtime/mac_settings.h"
#include "runtime/masked_credentials.h"
#include "runtime/policy.h"
#include "runtime/tls_authority.h"
#include "runtime/unix_sockets.h"

namespace srt::runtime {

struct SandboxFlags {
  bool allow_pty = true;  // a terminal passes through unless somebody says false
  bool allow_nested_user_namespaces = false;
  bool enable_weaker_nested_sandbox = false;
  bool allow_all_unix_sockets = false;
  bool allow_local_binding = false;
  bool allow_plaintext_inject = false;
  bool operator==(const SandboxFlags&) const = default;
};

struct ResourceLimits {
  std::optional<uint64_t> memory;  // bytes
  std::optional<uint32_t> milli_cpus;
  std::optional<uint32_t> pids;
  bool operator==(const ResourceLimits&) const = default;
};

struct SandboxPolicy {
  // Always present: without a rule everything is denied. `notes`, `sources` and `hash` are those of the
  // whole policy; `sources` are the documents, the most senior first.
  EffectivePolicy network;
  FilesystemRules filesystem;
  std::vector<SocketRule> unix_sockets;
  SandboxFlags flags;
  MacSettings mac;  // without effect elsewhere
  ResourceLimits resources;
  std::optional<TlsAuthority> tls_authority;  // where network.egress.tls is
  // Command pattern ("*": all) → violations that are not reported.
  std::map<std::string, std::vector<std::string>> ignore_violations;
  std::vector<std::string> denied_variables;  // of the caller's: not inside
  std::vector<MaskedCredential> masked;       // inside as stand-ins
  std::vector<std::string> git_safe_directories;
  std::string bwrap_path;  // empty: the usual places

  // Whether there is any destination at all.
  bool has_way_out() const;
  // Whether anybody speaks of the network: what is refused then gets an answer that says why. Else no
  // guard is needed, since nothing would pass it.
  bool names_network = false;

  std::vector<std::string> files;  // settings in force, absolute
  std::string
      control_file;  // more of them are read from there, if it has a name: `mkfifo rules; … 3<>rules`
  // Protected: where later runs look for settings, and for mitmProxy's socket.
  std::vector<std::string> settings_places;
  std::vector<std::string> notes;
  std::string hash;  // SHA-256 of the policy as JSON, without secrets
  bool operator==(const SandboxPolicy&) const = default;
};

Result<SandboxPolicy> sandbox_policy(const LayerSources& sources);
// Of documents that were loaded already. Pure but for the paths, which are resolved.
Result<SandboxPolicy> merge_layers(const Layers& layers, const LayerSources& sources);

}  // namespace srt::runtime
