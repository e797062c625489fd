#include "platform/terminator.h"

#include <sys/socket.h>
#include <unistd.h>

#include "platform/linux/init/sys.h"
#include "platform/linux/init_program.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "network.tlsTerminate";
constexpr const char* kProgram = "srt-tls";

}  // namespace

Result<void> Terminator::available() {
  if (open_installed(kProgram)) return {};
  return fail(kLayer, "srt-tls is not installed, which speaks TLS",
              "build srt-runtime where OpenSSL's headers are (libssl-dev)");
}

Result<Terminator> Terminator::start(const TerminatorOptions& options) {
  SRT_ASSIGN(auto guard, make_socket_pair(SOCK_SEQPACKET));
  SRT_ASSIGN(auto control, make_socket_pair(SOCK_SEQPACKET));
  SRT_ASSIGN(const UniqueFd more_roots, seal_bytes("srt-tls-roots", options.more_roots));
  Terminator terminator;
  SRT_ASSIGN(terminator.process_,
             Sidecar::spawn(kProgram, {options.container},
                            {guard.second.get(), control.second.get(), options.bundle,
                             options.roots, more_roots.get(), options.certificate, options.key}));
  terminator.guard_ = std::move(guard.first);
  terminator.control_ = std::move(control.first);
  return terminator;
}

Result<void> Terminator::await_ready() {
  char message[512];
  const ssize_t n =
      sys::retry([&] { return recv(control_.get(), message, sizeof message, MSG_CMSG_CLOEXEC); });
  if (n >= 1 && message[0] == kTlsReady) return {};
  if (n >= 2 && message[0] == kTlsFailed) {
    return fail("", std::string(message + 1, static_cast<size_t>(n - 1)));
  }
  return fail(kLayer, "srt-tls ended before it served", "reinstall srt-runtime and OpenSSL");
}

}  // namespace srt::platform
