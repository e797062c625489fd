// The nf_tables rules that lead every TCP port of a namespace to the egress guard, as a netlink batch.
//
//   for (int family : {AF_INET, AF_INET6}) send(netfilter, intercept_batch(family))
//
// Pure data. host_probes.h tries the very same on the running kernel, which may have nf_tables and lack
// one of its modules.
#pragma once

#include <cstdint>
#include <string>

namespace srt::platform {

inline constexpr uint16_t kTransparentPort = 3129;  // of 127.0.0.1 and ::1: where TPROXY leads

// `family`: AF_INET or AF_INET6. Each message of the batch but its brackets asks for an answer.
std::string intercept_batch(int family);

}  // namespace srt::platform
