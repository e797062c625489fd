// The network of a container under an egress policy: every address ends at our own listeners.
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <unistd.h>

#include <set>

#include "platform/linux/draft.h"
#include "platform/linux/init/egress_socket.h"
#include "platform/linux/intercept.h"
#include "platform/linux/netlink_message.h"

namespace srt::platform {
namespace {

constexpr uint16_t kHttpPort = 3128, kSocksPort = 1080, kDnsPort = 53;
constexpr uint32_t kLo = 1;  // index of lo in every network namespace

// Where nf_tables is missing. A port that no listener has refuses connections.
constexpr uint16_t kUsualPorts[] = {22,  25,   80,   110,  143,  443,  465,  587,  993,
                                    995, 1433, 3306, 5432, 6379, 8000, 8080, 8443, 9418};

// AnyIP: "local default dev lo" makes every address one of this namespace, so that connections end at
// listeners here and nothing leaves it.
std::string local_route(uint8_t family) {
  rtmsg body{};
  body.rtm_family = family;
  body.rtm_table = RT_TABLE_LOCAL;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = RT_SCOPE_HOST;
  body.rtm_type = RTN_LOCAL;
  NetlinkMessage route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, body);
  route.number(RTA_OIF, kLo);
  return route.bytes();
}

using Socket = init::ListenSocket<wire::Owned>;
enum class Where { kLoopback, kAnywhere };

Socket listener(init::EgressRole role, int family, int type, Where where, uint16_t port) {
  Socket made;
  made.role = static_cast<uint64_t>(role);
  made.family = static_cast<uint64_t>(family);
  made.type = static_cast<uint64_t>(type);
  if (family == AF_INET) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(where == Where::kLoopback ? INADDR_LOOPBACK : INADDR_ANY);
    made.address.assign(reinterpret_cast<const char*>(&address), sizeof address);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (where == Where::kLoopback) address.sin6_addr = in6addr_loopback;
    made.address.assign(reinterpret_cast<const char*>(&address), sizeof address);
  }
  made.packet_info = type == SOCK_DGRAM;
  return made;
}

}  // namespace

Result<void> plan_egress(Draft& draft) {
  if (!draft.options.egress) return {};
  if (!draft.is_new(oci::NamespaceType::kNetwork)) {
    return fail("egress guard", "needs a network namespace of the container's own",
                "add {\"type\": \"network\"} to /linux/namespaces");
  }
  // Whoever sees the processes of others may write to the memory of one that has no more rights (ptrace(2),
  // /proc/PID/mem), or join its network (setns(2)): and that one need not be guarded.
  if (!draft.is_new(oci::NamespaceType::kPid)) {
    return fail("egress guard",
                "needs a pid namespace of the container's own: it could take over a process that "
                "nothing guards",
                "add {\"type\": \"pid\"} to /linux/namespaces");
  }
  using init::EgressRole;
  auto& egress = draft.plan.init.egress;
  egress.on = true;
  draft.plan.egress = *draft.options.egress;
  draft.plan.init.process.guard_sockets = true;
  egress.routes = {local_route(AF_INET), local_route(AF_INET6)};  // IPv4 first: it must succeed
  egress.intercept = {intercept_batch(AF_INET), intercept_batch(AF_INET6)};
  for (int family : {AF_INET, AF_INET6}) {
    auto add = [&](EgressRole role, int type, Where where, uint16_t port) {
      egress.sockets.push_back(listener(role, family, type, where, port));
    };
    add(EgressRole::kProxy, SOCK_STREAM, Where::kLoopback, kHttpPort);
    add(EgressRole::kProxy, SOCK_STREAM, Where::kLoopback, kSocksPort);
    add(EgressRole::kDnsUdp, SOCK_DGRAM, Where::kAnywhere, kDnsPort);
    add(EgressRole::kDnsTcp, SOCK_STREAM, Where::kAnywhere, kDnsPort);
    Socket all =
        listener(EgressRole::kTransparent, family, SOCK_STREAM, Where::kLoopback, kTransparentPort);
    all.transparent = true;
    egress.all_ports.push_back(all);
    std::set<uint16_t> ports(std::begin(kUsualPorts), std::end(kUsualPorts));
    ports.insert(draft.options.egress->named_ports.begin(),
                 draft.options.egress->named_ports.end());
    // Ours already. A rule that names one of them is reached through the proxies alone.
    for (uint16_t own : {kHttpPort, kSocksPort, kDnsPort}) ports.erase(own);
    for (uint16_t port : ports) {
      egress.named_ports.push_back(
          listener(EgressRole::kTransparent, family, SOCK_STREAM, Where::kAnywhere, port));
    }
  }
  // With AnyIP the kernel would answer pings for the whole Internet.
  auto& sysctl = draft.plan.init.sysctl;
  sysctl.push_back({"net/ipv4/icmp_echo_ignore_all", "1"});
  if (access("/proc/sys/net/ipv6/icmp/echo_ignore_all", F_OK) == 0) {
    sysctl.push_back({"net/ipv6/icmp/echo_ignore_all", "1"});
  }
  return {};
}

}  // namespace srt::platform
