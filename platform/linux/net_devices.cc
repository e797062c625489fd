#include "platform/linux/net_devices.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "platform/fd.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/netlink_message.h"

namespace srt::platform {
namespace {

struct Address {
  uint8_t family = 0, prefix = 0;
  std::string local;
};

Result<UniqueFd> open_netlink() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return fail_errno("netlink", "socket");
  return fd;
}

Result<void> ask(int socket, NetlinkMessage request, const std::string& object, const char* what) {
  std::string bytes = request.bytes();
  if (send(socket, bytes.data(), bytes.size(), 0) < 0) return fail_errno(object, what);
  alignas(nlmsghdr) char buffer[8192];
  ssize_t n = sys::retry([&] { return recv(socket, buffer, sizeof buffer, 0); });
  const auto* header = reinterpret_cast<const nlmsghdr*>(buffer);
  if (n < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))) ||
      header->nlmsg_type != NLMSG_ERROR) {
    return fail(object, std::string(what) + ": no answer of netlink");
  }
  int error = static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
  if (error != 0) return fail_errno(object, what, -error);
  return {};
}

// The addresses of global scope: the kernel drops all when a device changes its namespace.
Result<std::vector<Address>> addresses(int socket, unsigned index, const std::string& object) {
  std::vector<Address> list;
  NetlinkMessage request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  std::string bytes = request.bytes();
  if (send(socket, bytes.data(), bytes.size(), 0) < 0)
    return fail_errno(object, "ask for addresses");
  for (;;) {
    alignas(nlmsghdr) char buffer[32768];
    ssize_t n = sys::retry([&] { return recv(socket, buffer, sizeof buffer, 0); });
    if (n <= 0) return fail_errno(object, "read addresses");
    auto left = static_cast<uint32_t>(n);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return list;
      if (header->nlmsg_type != RTM_NEWADDR) continue;
      auto* message = static_cast<ifaddrmsg*>(NLMSG_DATA(header));
      if (message->ifa_index != index || message->ifa_scope != RT_SCOPE_UNIVERSE) continue;
      Address address{message->ifa_family, message->ifa_prefixlen, {}};
      auto size = static_cast<uint32_t>(IFA_PAYLOAD(header));
      for (auto* attr = IFA_RTA(message); RTA_OK(attr, size); attr = RTA_NEXT(attr, size)) {
        bool local =
            attr->rta_type == IFA_LOCAL || (attr->rta_type == IFA_ADDRESS && address.local.empty());
        if (local) address.local.assign(static_cast<char*>(RTA_DATA(attr)), RTA_PAYLOAD(attr));
      }
      list.push_back(std::move(address));
    }
  }
}

// A netlink socket keeps the namespace it was made in: step in, make one, step back.
Result<UniqueFd> open_netlink_in(pid_t pid) {
  UniqueFd own(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  UniqueFd theirs(open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!own || !theirs) return fail_errno("/linux/netDevices", "open the network namespace");
  if (setns(theirs.get(), CLONE_NEWNET) != 0) return fail_errno("/linux/netDevices", "setns");
  auto inside = open_netlink();
  if (setns(own.get(), CLONE_NEWNET) != 0) return fail_errno("/linux/netDevices", "setns back");
  return inside;
}

Result<void> restore(int inside, unsigned index, const std::vector<Address>& list,
                     const std::string& object) {
  for (const Address& address : list) {
    ifaddrmsg body{};
    body.ifa_family = address.family;
    body.ifa_prefixlen = address.prefix;
    body.ifa_index = index;
    NetlinkMessage request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body);
    request.attribute(IFA_LOCAL, address.local.data(), address.local.size());
    request.attribute(IFA_ADDRESS, address.local.data(), address.local.size());
    SRT_TRY(ask(inside, request, object, "restore an address"));
  }
  ifinfomsg up{};
  up.ifi_index = static_cast<int>(index);
  up.ifi_flags = up.ifi_change = IFF_UP;
  return ask(inside, NetlinkMessage(RTM_NEWLINK, NLM_F_ACK, up), object, "set it up");
}

// The index inside: kept where it was free, so it is asked for by name.
Result<unsigned> index_inside(int inside, const std::string& name, const std::string& object) {
  NetlinkMessage request(RTM_GETLINK, 0, ifinfomsg{});
  request.attribute(IFLA_IFNAME, name.c_str(), name.size() + 1);
  std::string bytes = request.bytes();
  if (send(inside, bytes.data(), bytes.size(), 0) < 0)
    return fail_errno(object, "look for it inside");
  alignas(nlmsghdr) char buffer[16384];
  ssize_t n = sys::retry([&] { return recv(inside, buffer, sizeof buffer, 0); });
  const auto* header = reinterpret_cast<const nlmsghdr*>(buffer);
  if (n <= 0 || header->nlmsg_type != RTM_NEWLINK)
    return fail(object, "is not inside after the move");
  return static_cast<unsigned>(static_cast<const ifinfomsg*>(NLMSG_DATA(header))->ifi_index);
}

}  // namespace

Result<void> move_net_devices(const std::map<std::string, std::string>& devices, pid_t pid) {
  if (devices.empty()) return {};
  UniqueFd target(open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) return fail_errno("/linux/netDevices", "open the network namespace");
  SRT_ASSIGN(UniqueFd outside, open_netlink());
  SRT_ASSIGN(UniqueFd inside, open_netlink_in(pid));
  for (const auto& [name, new_name] : devices) {
    std::string object = "/linux/netDevices/" + name;
    unsigned index = if_nametoindex(name.c_str());
    if (index == 0) return fail_errno(object, "find it");
    SRT_ASSIGN(auto list, addresses(outside.get(), index, object));
    ifinfomsg move{};
    move.ifi_index = static_cast<int>(index);
    NetlinkMessage request(RTM_NEWLINK, NLM_F_ACK, move);
    int fd = target.get();
    request.attribute(IFLA_NET_NS_FD, &fd, sizeof fd);
    if (new_name != name) request.attribute(IFLA_IFNAME, new_name.c_str(), new_name.size() + 1);
    SRT_TRY(ask(outside.get(), request, object, "move it into the container"));
    SRT_ASSIGN(unsigned moved, index_inside(inside.get(), new_name, object));
    SRT_TRY(restore(inside.get(), moved, list, object));
  }
  return {};
}

}  // namespace srt::platform
