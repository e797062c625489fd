// The variables by which programs in a sandbox learn of the guard's proxy.
//
//   set_proxy_environment(process.env, policy.egress);
//
// Ours replace what is there, in both cases: engines hand the host's proxy variables on, and those name
// a proxy that the sandbox cannot reach. Whoever is inside may use the proxy: the token, where there is
// one, keeps those out who are not. Variables are as good a place as any for it: a command line is seen by
// all of the host's users, an environment by those of the same user.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/policy.h"

namespace srt::runtime {

struct ProxyPorts {
  uint16_t http = 3128;  // on what is loopback for the sandbox
  uint16_t socks = 1080;
  std::string token;  // that the guard asks for (proxy/access_token.h); empty: none
};

// `environment` holds "NAME=value". Entries of ours stand once, at the end. JAVA_TOOL_OPTIONS keeps
// what it had, with our properties behind it: of two definitions the JVM takes the last.
void set_proxy_environment(std::vector<std::string>& environment, const proxy::EgressPolicy& policy,
                           const ProxyPorts& ports = {});

// What goes to a program directly, since it is the sandbox's own: loopback, and the private ranges,
// which nobody answers for inside. A range in which the policy allows an address, or localhost where it
// allows that of the host, is left out: the way there is the proxy.
std::vector<std::string> directly_reached(const proxy::EgressPolicy& policy);

}  // namespace srt::runtime
