// What the guard asks of srt-tls, and what it hears back: one packet of their SOCK_SEQPACKET pair each.
//
//   A request comes with two sockets (SCM_RIGHTS): the one that TLS is spoken on, and the one that has the
//   plaintext. Its first report is kReady, kFailed or kUntrusted; after kReady one more follows at the end.
//
// Both are programs of ours on one machine: numbers are as they lie in memory. Nothing of a packet is the
// sandbox's or a server's to choose but `bytes`, which is not looked into, and `name`, which is canonical.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace srt::proxy {

enum class TlsTask : uint8_t {
  kServe = 1,  // as the server `name`, with a certificate of the sandbox's authority
  kDial = 2,   // as a client of the server `name`, whose certificate must be good
};

struct TlsRequest {
  uint64_t id = 0;
  TlsTask task = TlsTask::kServe;
  uint32_t patience_ms = 0;  // for the handshake
  std::string name;          // canonical: a host name or an address
  std::string bytes;         // that were read from the socket already
  bool operator==(const TlsRequest&) const = default;
};

enum class TlsNews : uint8_t {
  kReady = 1,
  kFailed,     // no handshake: `reason`
  kUntrusted,  // the server's certificate is not good for `name`: `reason`
  kEnded,      // as the protocol has it
  kCut,        // TLS ended without its own end: what came may be less than what was sent
};

struct TlsReport {
  uint64_t id = 0;
  TlsNews news = TlsNews::kFailed;
  std::string reason;  // one line
  bool operator==(const TlsReport&) const = default;
};

inline constexpr size_t kLargestTlsPacket = 80 * 1024;  // kMaxFirstBytes, a name and the rest

std::string print(const TlsRequest& request);
std::string print(const TlsReport& report);
std::optional<TlsRequest> parse_tls_request(std::string_view packet);
std::optional<TlsReport> parse_tls_report(std::string_view packet);

}  // namespace srt::proxy
