// network.tlsTerminate, as far as it is about files: the authority that signs in a sandbox, and what its programs
// trust.
//
//   SRT_ASSIGN(policy.tls_authority, …);                                  // runtime/sandbox_policy.h
//   SRT_ASSIGN(platform::Terminator terminator, start_terminator(authority, entry, id));
#pragma once

#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/terminator.h"
#include "runtime/container_id.h"
#include "runtime/settings_network.h"
#include "runtime/store.h"

namespace srt::runtime {

inline constexpr char kTrustFile[] = "trust.pem";  // in the state folder
// Inside: below a tmpfs of the sandbox's own, where a mount point can be made without touching the host.
inline constexpr char kTrustPlace[] = "/dev/shm/srt-trust.pem";

struct TlsAuthority {
  std::string certificate, key;         // absolute; empty: one is made for this run
  std::vector<std::string> more_roots;  // absolute; those that cannot be read are passed over
  bool operator==(const TlsAuthority&) const = default;
};

// Relative paths are taken from `cwd`, "~/" is `home`.
TlsAuthority tls_authority(const TlsTerminateSettings& settings, const std::string& cwd,
                           const std::string& home);

// What the caller's own programs trust beside the host's certificates: NODE_EXTRA_CA_CERTS, SSL_CERT_FILE.
void add_callers_roots(TlsAuthority& authority, const std::vector<std::string>& environment,
                       const std::string& cwd);

// Every variable by which a library or program is told of a file of certificates.
void set_trust_environment(std::vector<std::string>& environment);

// Starts srt-tls, which writes kTrustFile. Forks. An authority that cannot be read is an error.
Result<platform::Terminator> start_terminator(const TlsAuthority& authority, const Entry& entry,
                                              const ContainerId& id);

}  // namespace srt::runtime
