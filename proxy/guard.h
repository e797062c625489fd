// The egress guard: everything that a sandbox can reach goes through one of these.
//
//   boost::asio::io_context io(1);
//   Guard guard(io, std::move(listeners), policy, options, [&](const AuditEvent& e) { log(e); });
//   guard.start();
//   io.run();
//
// Single-threaded: construct, call and destroy it on the thread that runs `io` (names are resolved on
// threads of its own). It owns the listeners. Destroying it closes every connection. Nothing throws out
// of the io_context.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/audit_event.h"
#include "proxy/masked_secret.h"
#include "proxy/policy.h"

namespace boost::asio {
class io_context;
}

namespace srt::proxy {

// A socket that was made inside the sandbox's network namespace and listens already. `fd` is owned.
struct Listener {
  enum class Kind {
    kProxy,        // 3128 and 1080: HTTP and SOCKS5, told apart by the first byte
    kTransparent,  // getsockname() of an accepted connection is where the program wanted to go
    kDnsUdp,       // with IP_PKTINFO / IPV6_RECVPKTINFO set
    kDnsTcp,
  };
  Kind kind = Kind::kProxy;
  int fd = -1;
};

class InterfaceAddresses;

struct GuardOptions {
  std::string container;  // id, for messages
  // Of the host, where the guard dials from another network namespace (own_addresses.h); null: the same.
  std::shared_ptr<InterfaceAddresses> host_addresses;
  // Called when the last one of many connections has ended: what they took, nobody needs for now.
  std::function<void()> quiet;
  int tls =
      -1;  // the socket to srt-tls (tls_request.h), owned; -1: TLS that is to be terminated ends
  MaskedSecrets secrets;
  std::string token;  // that clients of the proxy ports must have (access_token.h); empty: none
  // To whoever connects to the socket of EgressPolicy::mitm (unix_connector.h), owned; -1: nobody does.
  int connector = -1;
  bool sandbox_has_v6 = true;           // false: AAAA gets NODATA
  size_t max_connections = 4096;        // at once
  size_t max_header_bytes = 64 * 1024;  // of one HTTP request head
  size_t max_per_destination = 1024;    // connections at once to one host and port
  std::chrono::milliseconds handshake{
      10'000};                                // until the request, or the ClientHello, is complete
  std::chrono::milliseconds connect{15'000};  // to reach the destination
  std::chrono::milliseconds response{120'000};    // first byte of an HTTP response: then 504
  std::chrono::milliseconds tunnel_idle{60'000};  // between two requests of a terminated tunnel
  std::chrono::milliseconds idle{3'600'000};      // no byte either way
};

class Guard {
 public:
  using Sink =
      std::function<void(const AuditEvent&)>;  // synchronous: it is written when it returns

  Guard(boost::asio::io_context& io, std::vector<Listener> listeners, EgressPolicy policy,
        GuardOptions options, Sink sink);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();

  void start();
  // New connections at once; existing ones that are now denied are cut (event kCut).
  // `connector` as in the options, for another socket than before; -1: the one that there is stays.
  void replace_policy(EgressPolicy policy, int connector = -1);

  struct Counts {
    uint64_t accepted = 0, allowed = 0, denied = 0, failed = 0;
    size_t open = 0;
  };
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace srt::proxy
