#include "platform/linux/init/egress.h"

#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/egress_socket.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

constexpr const char* kLayer = "egress guard";

int open_netlink(int protocol) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol); }

// Sends one batch whose last message asks for an acknowledgement (sequence number `last`); 0 or errno.
// The kernel answers in the send itself, so there is nothing to wait for.
int ask(int netlink, std::string_view batch, uint32_t last) {
  if (send(netlink, batch.data(), batch.size(), 0) < 0) return errno;
  alignas(nlmsghdr) char answer[4096];
  for (;;) {
    ssize_t n = recv(netlink, answer, sizeof answer, MSG_DONTWAIT);
    if (n < 0) return errno;
    auto size = static_cast<unsigned>(n);
    for (auto* header = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(header, size);
         header = NLMSG_NEXT(header, size)) {
      if (header->nlmsg_type != NLMSG_ERROR) continue;
      int error = static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
      if (error != 0) return -error;
      if (header->nlmsg_seq == last) return 0;
    }
  }
}

// The sequence number of the last message that asks for an acknowledgement.
uint32_t last_asked(std::string_view batch) {
  uint32_t last = 0;
  for (size_t at = 0; at + sizeof(nlmsghdr) <= batch.size();) {
    nlmsghdr header;
    memcpy(&header, batch.data() + at, sizeof header);
    if ((header.nlmsg_flags & NLM_F_ACK) != 0) last = header.nlmsg_seq;
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return last;
}

// IPv6 may be missing (ipv6.disable=1): then nothing can be sent over it either.
bool add_routes(const Egress<Viewed>& egress) {
  int netlink = open_netlink(NETLINK_ROUTE);
  if (netlink < 0) die(kLayer, "open rtnetlink");
  bool first = true, v6 = false;
  for (std::string_view route : egress.routes) {
    int error = ask(netlink, route, last_asked(route));
    if (error != 0 && first) die(kLayer, "make every IPv4 address local", error);
    if (!first) v6 = error == 0;
    first = false;
  }
  close(netlink);
  return v6;
}

// False where this kernel has no nf_tables, or not the parts that we need.
bool intercept(const Egress<Viewed>& egress, bool v6) {
  int netlink = open_netlink(NETLINK_NETFILTER);
  if (netlink < 0) return false;
  int error = 0;
  bool first = true;
  for (std::string_view batch : egress.intercept) {
    if (first || v6) error = error != 0 ? error : ask(netlink, batch, last_asked(batch));
    first = false;
  }
  close(netlink);
  return error == 0;
}

void set_option(int fd, int level, int option) {
  int on = 1;
  if (setsockopt(fd, level, option, &on, sizeof on) != 0) die(kLayer, "set up a listener");
}

// What is accepted inherits it. Between a program and the guard there is no network to be careful of, and what
// the host may have chosen for its own (bbr) paces each segment by a timer. The kernel always has reno, and
// lets everybody choose it.
void do_not_pace(int listener) {
  constexpr std::string_view kReno = "reno";
  (void)setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, kReno.data(), kReno.size());
}

int listen_on(const ListenSocket<Viewed>& wanted) {
  int fd = socket(static_cast<int>(wanted.family),
                  static_cast<int>(wanted.type) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) die(kLayer, "make a listener");
  bool v6 = wanted.family == AF_INET6;
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  if (v6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  if (wanted.transparent) {
    set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT);
  }
  if (wanted.packet_info) {
    set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO);
    // To answer from whichever address was asked: IPv6 takes only an interface's own as a source, where
    // IPv4 is content with a local route.
    if (v6) set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND);
  }
  if (bind(fd, reinterpret_cast<const sockaddr*>(wanted.address.data()),
           static_cast<socklen_t>(wanted.address.size())) != 0) {
    die(kLayer, "bind a listener");
  }
  if (wanted.type == SOCK_STREAM) {
    do_not_pace(fd);
    if (listen(fd, 4096) != 0) die(kLayer, "listen");
  }
  return fd;
}

struct Opened {
  EgressSockets what;
  int fds[kMostEgressSockets];
};

void open_all(const ListView<ListenSocket<Viewed>>& list, Opened& opened) {
  for (const ListenSocket<Viewed>& wanted : list) {
    if (wanted.family == AF_INET6 && opened.what.v6 == 0) continue;
    if (opened.what.count == kMostEgressSockets) die(kLayer, "too many listeners", 0);
    opened.fds[opened.what.count] = listen_on(wanted);
    opened.what.roles[opened.what.count++] = static_cast<EgressRole>(wanted.role);
  }
}

void send_all(int monitor, Opened& opened) {
  iovec io{&opened.what, sizeof opened.what};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof opened.fds)] = {};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  size_t bytes = opened.what.count * sizeof(int);
  message.msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(bytes);
  memcpy(CMSG_DATA(header), opened.fds, bytes);
  if (sys::retry([&] { return sendmsg(monitor, &message, MSG_NOSIGNAL); }) < 0) {
    die(kLayer, "srt-monitor has gone");
  }
  for (uint32_t i = 0; i < opened.what.count; ++i) close(opened.fds[i]);
}

// The devices that the kernel itself puts into a new namespace (tunl0, sit0 …) lead nowhere.
bool is_fallback_tunnel(uint16_t type) {
  return type == ARPHRD_TUNNEL || type == ARPHRD_TUNNEL6 || type == ARPHRD_SIT ||
         type == ARPHRD_IPGRE || type == ARPHRD_IP6GRE;
}

}  // namespace

void open_egress(const Egress<Viewed>& egress, int monitor) {
  if (!egress.on) return;
  Opened opened{};
  opened.what.v6 = add_routes(egress) ? 1 : 0;
  opened.what.all_ports = intercept(egress, opened.what.v6 != 0) ? 1 : 0;
  open_all(egress.sockets, opened);
  open_all(opened.what.all_ports != 0 ? egress.all_ports : egress.named_ports, opened);
  send_all(monitor, opened);
}

void await_guard(const Egress<Viewed>& egress, int monitor) {
  if (!egress.on) return;
  char byte;
  if (sys::retry([&] { return recv(monitor, &byte, 1, 0); }) != 1) {
    die(kLayer, "srt-monitor ended before it served", 0);
  }
  close(monitor);
}

void refuse_interfaces(const Egress<Viewed>& egress) {
  if (!egress.on) return;
  int netlink = open_netlink(NETLINK_ROUTE);
  if (netlink < 0) die(kLayer, "open rtnetlink");
  struct {
    nlmsghdr header;
    ifinfomsg body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  if (send(netlink, &request, sizeof request, 0) < 0) die(kLayer, "list the interfaces");
  alignas(nlmsghdr) static char answer[32768];
  for (bool done = false; !done;) {
    ssize_t n = sys::retry([&] { return recv(netlink, answer, sizeof answer, 0); });
    if (n <= 0) die(kLayer, "list the interfaces");
    auto size = static_cast<unsigned>(n);
    for (auto* header = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(header, size);
         header = NLMSG_NEXT(header, size)) {
      done = done || header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR;
      if (header->nlmsg_type != RTM_NEWLINK) continue;
      auto* link = static_cast<ifinfomsg*>(NLMSG_DATA(header));
      if (link->ifi_type == ARPHRD_LOOPBACK || is_fallback_tunnel(link->ifi_type)) continue;
      die(kLayer, "a hook moved a network interface into the container, which would be a way round",
          0);
    }
  }
  close(netlink);
}

}  // namespace srt::init
