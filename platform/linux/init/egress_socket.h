// How srt-init hands the egress listeners to srt-monitor.
//
//   srt-init                      srt-monitor
//   EgressSockets + descriptors → starts to serve them
//                               ← one byte: from here on the container may run
//
// A SEQPACKET socket. No byte, or an end: srt-init ends, and so does the container (fail closed).
#pragma once

#include <cstdint>

namespace srt::init {

enum class EgressRole : uint32_t {
  kProxy = 1,    // HTTP and SOCKS5
  kTransparent,  // getsockname() of what it accepts is where the program wanted to go
  kDnsUdp,
  kDnsTcp,
};

inline constexpr uint32_t kMostEgressSockets = 64;  // SCM_MAX_FD is 253

struct EgressSockets {
  uint32_t count = 0;
  uint32_t all_ports = 0;  // 1: TPROXY leads every port here; 0: only the named ones
  uint32_t v6 = 0;         // the namespace has IPv6
  EgressRole roles[kMostEgressSockets] = {};  // of the descriptors, in order
};

}  // namespace srt::init
