// Linux: rtnetlink(7). A socket speaks of the network namespace that it was made in for as long as it lives;
// getifaddrs(3), which opens one of its own, would speak of where the thread is.
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "proxy/own_addresses.h"

namespace srt::proxy {
namespace {

constexpr uint32_t kSequence = 1;
constexpr int kAttempts = 8;  // addresses may change while they are read

enum class Read { kWhole, kAgain, kFailed };

struct Reply {
  uint32_t port = 0;  // ours: announcements carry the number of whoever made the change
  std::vector<IpAddress> addresses;
  bool changed = false;
};

bool ask(int socket) {
  struct {
    nlmsghdr header;
    ifaddrmsg body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = kSequence;
  return send(socket, &request, sizeof request, 0) == sizeof request;
}

std::optional<IpAddress> address_in(uint8_t family, const rtattr& attribute) {
  const auto* bytes = static_cast<const uint8_t*>(RTA_DATA(&attribute));
  const size_t size = RTA_PAYLOAD(&attribute);
  if (family == AF_INET && size == 4) {
    return IpAddress::v4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 |
                         uint32_t{bytes[2]} << 8 | bytes[3]);
  }
  std::array<uint8_t, 16> v6{};
  if (family != AF_INET6 || size != v6.size()) return std::nullopt;
  std::memcpy(v6.data(), bytes, v6.size());
  return IpAddress::v6(v6);
}

// Of a link with two ends, IFA_LOCAL is the address here and IFA_ADDRESS the one there.
void add_addresses(const nlmsghdr& header, std::vector<IpAddress>& addresses) {
  auto* body = static_cast<ifaddrmsg*>(NLMSG_DATA(const_cast<nlmsghdr*>(&header)));
  auto left = static_cast<unsigned>(IFA_PAYLOAD(&header));
  std::optional<IpAddress> local, address;
  for (rtattr* one = IFA_RTA(body); RTA_OK(one, left); one = RTA_NEXT(one, left)) {
    if (one->rta_type == IFA_LOCAL) local = address_in(body->ifa_family, *one);
    if (one->rta_type == IFA_ADDRESS) address = address_in(body->ifa_family, *one);
  }
  if (!local) local = address;
  if (local) addresses.push_back(*local);
}

// One datagram of the answer. kAgain: go on receiving.
Read take(const char* bytes, size_t size, Reply& reply) {
  auto left = static_cast<unsigned>(size);
  for (const auto* header = reinterpret_cast<const nlmsghdr*>(bytes); NLMSG_OK(header, left);
       header = NLMSG_NEXT(header, left)) {
    if (header->nlmsg_pid != reply.port || header->nlmsg_seq != kSequence) {
      reply.changed = true;
      continue;
    }
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) reply.changed = true;
    if (header->nlmsg_type == NLMSG_DONE) return Read::kWhole;
    if (header->nlmsg_type == NLMSG_ERROR) return Read::kFailed;
    if (header->nlmsg_type == RTM_NEWADDR) add_addresses(*header, reply.addresses);
  }
  return Read::kAgain;
}

// The kernel writes the answer as it is received: there is nothing to wait for.
Read read_once(int socket, Reply& reply) {
  if (!ask(socket)) return Read::kFailed;
  alignas(nlmsghdr) std::array<char, 32768> bytes;
  Read read = Read::kAgain;
  while (read == Read::kAgain) {
    const ssize_t size = recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size > 0) {
      read = take(bytes.data(), static_cast<size_t>(size), reply);
    } else if (size < 0 && errno == ENOBUFS) {
      reply.changed = true;  // announcements were lost
    } else if (size == 0 || errno != EINTR) {
      return Read::kFailed;
    }
  }
  return read == Read::kWhole && reply.changed ? Read::kAgain : read;
}

}  // namespace

int subscribe_to_address_changes() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return -1;
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&groups), sizeof groups) == 0) return fd;
  close(fd);
  return -1;
}

std::optional<std::vector<IpAddress>> read_interface_addresses(int changes) {
  sockaddr_nl own{};
  socklen_t size = sizeof own;
  if (getsockname(changes, reinterpret_cast<sockaddr*>(&own), &size) != 0) return std::nullopt;
  Read read = Read::kAgain;
  Reply reply;
  for (int attempt = 0; read == Read::kAgain && attempt < kAttempts; ++attempt) {
    reply = {own.nl_pid, {}, false};
    read = read_once(changes, reply);
  }
  if (read == Read::kFailed) return std::nullopt;
  return std::move(reply.addresses);
}

}  // namespace srt::proxy
