// srt-tls: the process that holds the certificate authority of one sandbox and speaks TLS for its guard
// (network.tlsTerminate).
//
//   SRT_TRY(Terminator::available());                                   // before anything is made
//   SRT_ASSIGN(Terminator terminator, Terminator::start({.bundle = fd, …}));
//   options.tls = terminator.guard_socket();                            // srt-monitor's
//   SRT_TRY(terminator.await_ready());                                  // the bundle is written
//   terminator.commit();
//
// It ends when the guard's end of its socket is closed, so with srt-monitor however that ends; and before commit()
// with this object. What was asked of it fails then, and nothing passes.
#pragma once

#include <string>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/sidecar.h"

namespace srt::platform {

struct TerminatorOptions {
  std::string container;   // id
  int bundle = -1;         // an empty file, for the certificates that the sandbox's programs trust
  int roots = -1;          // PEM; -1: none
  std::string more_roots;  // PEM, and whatever else is in it
  int certificate = -1, key = -1;  // the authority's, PEM; -1: it makes one
};

// The descriptors that srt-tls starts with.
enum TerminatorFd : int {
  kTlsGuard = 3,  // SOCK_SEQPACKET, to srt-monitor
  kTlsControl,    // to whoever started it
  kTlsBundle,
  kTlsRoots,
  kTlsMoreRoots,
  kTlsCertificate,
  kTlsKey,
  kTlsFdEnd,
};

// Messages on kTlsControl; the first byte tells.
inline constexpr char kTlsReady = 'R';
inline constexpr char kTlsFailed = 'F';  // + why, for a person

class Terminator {
 public:
  // Whether there is such a program.
  static Result<void> available();
  // Forks: the caller must be single-threaded.
  static Result<Terminator> start(const TerminatorOptions& options);

  // For MonitorOptions; valid until close_guard_socket(), which must come once the monitor has it: a copy of ours
  // would keep srt-tls alive.
  int guard_socket() const { return guard_.get(); }
  void close_guard_socket() { guard_.reset(); }
  Result<void> await_ready();
  void commit() { process_.commit(); }

 private:
  UniqueFd guard_, control_;
  Sidecar process_;
};

// ---- the other side: what srt-tls does to itself, single-threaded, when it has read its files. From here on it
// speaks on the sockets that it has and is given, and can do nothing else: no capability, no new privilege, for the
// host's root an own user id, not dumpable, no system call that opens, connects or starts anything.
Result<void> confine_terminator();

}  // namespace srt::platform
