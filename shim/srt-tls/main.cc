// srt-tls: speaks TLS for the guard of one sandbox, towards the clients inside and the servers outside
// (network.tlsTerminate). It is given connected sockets, and hands back their plaintext; it opens nothing and
// connects to nothing. See platform/terminator.h for its life, proxy/tls_request.h for what it is asked.
//
// A program of its own because OpenSSL is a library of the distribution, because what reads hostile certificates
// and records should hold no log, no policy and no way out, and so that nobody else has the authority's key. The
// order below is the security argument: what is read from files is read, then all is given up that serving does not
// need, then the first byte of a peer is looked at.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>

#include "platform/fd.h"
#include "platform/terminator.h"
#include "shim/srt-tls/authority.h"
#include "shim/srt-tls/roots.h"
#include "shim/srt-tls/service.h"
#include "shim/srt-tls/sessions.h"

namespace srt::tls {
namespace {

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

// What is held for peers lies outside the sandbox's memory limit.
void bound_resources() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
  limit = {0, 0};
  (void)setrlimit(RLIMIT_CORE, &limit);  // it would have the key, and plaintext
#ifndef SRT_SANITIZED                    // a sanitizer's shadow is data, too
  constexpr rlim_t kMost = rlim_t{512} << 20;
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max = std::min(limit.rlim_max, kMost);
  (void)setrlimit(RLIMIT_DATA, &limit);
#endif
}

Result<Authority> read_authority() {
  if (!is_open(platform::kTlsKey)) return Authority::make();
  SRT_ASSIGN(const std::string certificate,
             read_rest(platform::kTlsCertificate, "network.tlsTerminate: caCertPath", 1 << 20));
  SRT_ASSIGN(std::string key,
             read_rest(platform::kTlsKey, "network.tlsTerminate: caKeyPath", 1 << 20));
  close(platform::kTlsCertificate);
  close(platform::kTlsKey);
  Result<Authority> authority = Authority::load(certificate, key);
  OPENSSL_cleanse(key.data(), key.size());
  return authority;
}

Result<Roots> read_roots() {
  Roots roots;
  for (const int fd : {platform::kTlsRoots, platform::kTlsMoreRoots}) {
    if (!is_open(fd)) continue;
    SRT_ASSIGN(const std::string pem, read_rest(fd, "root certificates"));
    close(fd);
    roots.add(pem);
  }
  return roots;
}

void say(const std::string& message) {
  (void)send(platform::kTlsControl, message.data(), std::min<size_t>(message.size(), 500),
             MSG_NOSIGNAL);
}

Result<void> serve() {
  for (int fd = platform::kTlsGuard; fd < platform::kTlsFdEnd; ++fd) {
    if (is_open(fd)) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  bound_resources();
  SRT_ASSIGN(Authority authority, read_authority());
  SRT_ASSIGN(const Roots roots, read_roots());
  SRT_TRY(roots.write_bundle(platform::kTlsBundle, authority.certificate()));
  close(platform::kTlsBundle);
  SRT_ASSIGN(Sessions sessions, Sessions::make(authority, roots));
  SRT_ASSIGN(Service service, Service::make(platform::kTlsGuard, std::move(sessions)));
  SRT_TRY(platform::confine_terminator());
  say({platform::kTlsReady});
  close(platform::kTlsControl);
  service.run();
  return {};
}

}  // namespace
}  // namespace srt::tls

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  srt::Result<void> ended = srt::tls::serve();
  if (ended) _exit(0);  // OpenSSL's own tidying up is of no use any more
  srt::tls::say(srt::platform::kTlsFailed + to_string(ended.error()));
  return 1;
}
