#include "proxy/dns_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "proxy/connection.h"
#include "proxy/dns_message.h"
#include "proxy/socket_address.h"
#include "proxy/socket_io.h"

namespace srt::proxy {
namespace {

constexpr uint32_t kTtl = 60;  // a name keeps its address for longer; caches may ask again
constexpr int kDatagramsInARow = 64;
constexpr size_t kMaxQuery = 4096;  // one question, with EDNS options

IpAddress loopback_v6() {
  std::array<uint8_t, 16> bytes{};
  bytes[15] = 1;
  return IpAddress::v6(bytes);
}

std::vector<IpAddress> of_type(const DnsQuestion& question, bool v6, const IpAddress& a,
                               const IpAddress& aaaa) {
  if (question.type == kTypeA) return {a};
  if (question.type == kTypeAaaa && v6) return {aaaa};
  return {};  // NODATA: no HTTPS or SVCB record either, and with it no key for an encrypted hello
}

AuditEvent event_about(const std::string& host, EventKind kind, std::string reason) {
  AuditEvent event;
  event.way = Way::kDns;
  event.kind = kind;
  event.host = host;
  event.reason = std::move(reason);
  return event;
}

std::string no_such_name(const DnsQuestion& question, std::string_view extended) {
  return print_answer(question, DnsCode::kNoSuchName, {}, kTtl, extended);
}

std::string answer_allowed(GuardState& guard, const DnsQuestion& question, const std::string& name,
                           const Verdict& verdict) {
  const auto pair = guard.synthetic.give(name);
  if (!pair) {
    guard.report(event_about(name, EventKind::kFailed, "no-synthetic-address"));
    return print_answer(question, DnsCode::kServerFailure, {}, 0);
  }
  AuditEvent event = event_about(name, EventKind::kAllowed, {});
  event.rule = verdict.rule;
  event.origin = verdict.origin;
  guard.report(std::move(event));
  return print_answer(question, DnsCode::kNoError,
                      of_type(question, guard.options.sandbox_has_v6, pair->v4, pair->v6), kTtl);
}

}  // namespace

std::string answer_dns(GuardState& guard, std::string_view message) {
  const auto query = parse_query(message);
  if (!query) return {};
  const DnsQuestion& question = query->question;
  if (query->error) return print_answer(question, *query->error, {}, 0);
  const auto host = canonical_host(question.name);
  if (!host || !host->is_name()) {
    guard.report(event_about(question.name.substr(0, 300), EventKind::kDenied, "malformed-host"));
    return no_such_name(question, "not a host name");
  }
  const std::string& name = host->name();
  if (host->is_localhost()) {
    return print_answer(question, DnsCode::kNoError,
                        of_type(question, true, IpAddress::v4(0x7f000001), loopback_v6()), kTtl);
  }
  // Addresses have no names here: a lookup of one would be a question to the outside.
  if (question.type == kTypePtr) return no_such_name(question, {});
  const Verdict verdict = decide_name(guard.policy, name);
  if (verdict.allowed) return answer_allowed(guard, question, name, verdict);
  AuditEvent event =
      event_about(name, EventKind::kDenied, verdict.rule.empty() ? "no-rule" : "denied-by-rule");
  event.rule = verdict.rule;
  event.origin = verdict.origin;
  guard.report(std::move(event));
  return no_such_name(question, verdict.reason);
}

namespace {

// One datagram and where it came from and went to.
struct Datagram {
  std::array<char, kMaxQuery> bytes;
  sockaddr_storage peer{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(64)> control;
  iovec range{};
  msghdr header{};

  void prepare() {
    range = {bytes.data(), bytes.size()};
    header = {};
    header.msg_name = &peer;
    header.msg_namelen = sizeof peer;
    header.msg_iov = &range;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
};

// Turns what the kernel said of the question into what the answer has to say: its source is the
// address that was asked.
void answer_from_asked_address(Datagram& datagram) {
  for (cmsghdr* entry = CMSG_FIRSTHDR(&datagram.header); entry != nullptr;
       entry = CMSG_NXTHDR(&datagram.header, entry)) {
    if (entry->cmsg_level == IPPROTO_IP && entry->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(entry), sizeof info);
      info.ipi_spec_dst = info.ipi_addr;
      info.ipi_ifindex = 0;
      std::memcpy(CMSG_DATA(entry), &info, sizeof info);
    } else if (entry->cmsg_level == IPPROTO_IPV6 && entry->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(entry), sizeof info);
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      std::memcpy(CMSG_DATA(entry), &info, sizeof info);
    } else {
      continue;
    }
    // This one alone goes back.
    datagram.header.msg_control = entry;
    datagram.header.msg_controllen = CMSG_SPACE(entry->cmsg_len - CMSG_LEN(0));
    return;
  }
  datagram.header.msg_control = nullptr;
  datagram.header.msg_controllen = 0;
}

// False: nothing is waiting.
bool answer_one(GuardState& guard, int fd, Datagram& datagram) {
  datagram.prepare();
  const ssize_t size = recvmsg(fd, &datagram.header, MSG_DONTWAIT);
  if (size < 0) return errno == EINTR || errno == ECONNREFUSED;  // an answer that nobody took
  if ((datagram.header.msg_flags & MSG_TRUNC) != 0) return true;
  std::string answer =
      answer_dns(guard, std::string_view(datagram.bytes.data(), static_cast<size_t>(size)));
  if (answer.empty()) return true;
  answer_from_asked_address(datagram);
  datagram.range = {answer.data(), answer.size()};
  datagram.header.msg_flags = 0;
  (void)!sendmsg(fd, &datagram.header, MSG_DONTWAIT | MSG_NOSIGNAL);  // UDP may lose it
  return true;
}

}  // namespace

SharedUdpSocket adopt_udp_socket(net::io_context& io, int fd) {
  auto socket = std::make_shared<net::ip::udp::socket>(io);
  error_code error = net::error::invalid_argument;
  if (const int family = family_of(fd); family == AF_INET || family == AF_INET6) {
    socket->assign(family == AF_INET6 ? net::ip::udp::v6() : net::ip::udp::v4(), fd, error);
  }
  if (error) {
    ::close(fd);
    return nullptr;
  }
  socket->native_non_blocking(true, error);
  return socket;
}

Awaitable<void> serve_dns_udp(std::shared_ptr<GuardState> guard, SharedUdpSocket socket) {
  const auto datagram = std::make_unique<Datagram>();
  while (true) {
    auto [error] = co_await socket->async_wait(net::ip::udp::socket::wait_read, kTuple);
    if (error || !socket->is_open()) co_return;
    for (int i = 0; i < kDatagramsInARow; ++i) {
      if (!answer_one(*guard, socket->native_handle(), *datagram)) break;
    }
    co_await net::post(guard->io, kTuple);
    if (!socket->is_open()) co_return;
  }
}

namespace {

// The next message, which has its length before it. False: the client has gone, or asks for too
// much.
Awaitable<bool> read_query(Connection& connection, std::string& message) {
  std::string& bytes = connection.from_client;
  while (true) {
    if (bytes.size() >= 2) {
      const size_t size = static_cast<size_t>(static_cast<unsigned char>(bytes[0])) << 8 |
                          static_cast<unsigned char>(bytes[1]);
      if (size > kMaxQuery) co_return false;
      if (bytes.size() >= 2 + size) {
        message = bytes.substr(2, size);
        bytes.erase(0, 2 + size);
        co_return true;
      }
    }
    const auto got = co_await read_some(connection, connection.client, bytes, kMaxQuery);
    if (!got || *got == 0) co_return false;
  }
}

}  // namespace

Awaitable<void> serve_dns_tcp(std::shared_ptr<GuardState> guard, Socket client) {
  prepare(client);
  Connection connection(std::move(guard), std::move(client), Way::kDns);
  std::string message;
  while (true) {
    // RFC 7766 §6.2.3 leaves the patience with an idle client to the server.
    connection.expect_within(connection.guard->options.handshake);
    if (!co_await read_query(connection, message)) co_return;
    const std::string answer = answer_dns(*connection.guard, message);
    if (answer.empty() || answer.size() > UINT16_MAX) co_return;
    std::string framed{static_cast<char>(answer.size() >> 8),
                       static_cast<char>(answer.size() & 0xff)};
    framed += answer;
    if (!co_await send_all(connection, connection.client, framed)) co_return;
  }
}

}  // namespace srt::proxy
