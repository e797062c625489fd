// Tunnels whose TLS is opened, from the guard's side: what it asks of srt-tls, whose part the test plays, and what it
// makes of the answers. With a real one: tests/srt/tls.py.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "proxy/tls_request.h"
#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"
#include "tests/proxy/guard/tunnel.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

EgressPolicy opened(EgressPolicy policy) {
  policy.tls.emplace();
  return policy;
}

// The other end of the guard's socket to srt-tls.
class Terminator {
 public:
  Terminator() { REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair_) == 0); }
  ~Terminator() { end(); }
  GuardOptions options() const {
    GuardOptions options;
    options.tls = pair_[0];
    return options;
  }
  void end() {
    if (pair_[1] >= 0) close(pair_[1]);
    pair_[1] = -1;
  }

  struct Asked {
    TlsRequest request;
    std::unique_ptr<Peer> tls, plain;
  };
  // Nothing: none came within 10 s, or it is none.
  std::optional<Asked> next() {
    pollfd wait{pair_[1], POLLIN, 0};
    if (poll(&wait, 1, 10'000) != 1) return std::nullopt;
    std::string packet(kLargestTlsPacket, '\0');
    iovec io{packet.data(), packet.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 2)];
    msghdr message{};
    message.msg_iov = &io;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(pair_[1], &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* header = size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header == nullptr || header->cmsg_len != CMSG_LEN(sizeof(int) * 2)) return std::nullopt;
    int fds[2];
    std::memcpy(fds, CMSG_DATA(header), sizeof fds);
    // Whoever writes there waits for nobody.
    for (const int fd : fds) (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    Asked asked{{}, std::make_unique<Peer>(fds[0]), std::make_unique<Peer>(fds[1])};
    const auto request =
        parse_tls_request(std::string_view(packet).substr(0, static_cast<size_t>(size)));
    if (!request) return std::nullopt;
    asked.request = *request;
    return asked;
  }
  void answer(const Asked& asked, TlsNews news, const std::string& reason = {}) {
    const std::string packet = print(TlsReport{asked.request.id, news, reason});
    REQUIRE(send(pair_[1], packet.data(), packet.size(), MSG_NOSIGNAL) > 0);
  }

 private:
  int pair_[2] = {-1, -1};
};

// Both legs of one tunnel.
struct Legs {
  Terminator::Asked up, down;
};
std::optional<Legs> both(Terminator& terminator) {
  auto one = terminator.next();
  auto two = one ? terminator.next() : std::nullopt;
  if (!two) return std::nullopt;
  if (one->request.task == TlsTask::kDial) return Legs{std::move(*one), std::move(*two)};
  return Legs{std::move(*two), std::move(*one)};
}

std::string get(const std::string& host, const std::string& more = {}) {
  return "GET /path HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n";
}

}  // namespace

TEST_CASE("guard: TLS that is to be opened never passes where nobody opens it") {
  Record record;
  Upstream server(record.server());
  const std::string place = "localhost:" + std::to_string(server.port());
  SECTION("by CONNECT") {
    RunningGuard guard(opened(allow({place})));
    Peer client = connect_through(guard, place);
    client.send(client_hello("localhost"));
    CHECK(client.read_all().empty());
    CHECK(guard.await_event(EventKind::kFailed, "tls-client: there is no srt-tls"));
    CHECK(record.bytes().empty());
  }
  SECTION("by SOCKS") {
    RunningGuard guard(opened(allow({place})));
    Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
    client.send(socks_request(1, "localhost", server.port()));
    CHECK(socks_reply(client) == 0);
    client.send(client_hello("localhost"));
    CHECK(client.read_all().empty());
    CHECK(record.bytes().empty());
  }
  SECTION("caught") {
    auto guard = RunningGuard::capturing(server.port(), opened(allow({place})));
    Peer client = Peer::connect(RunningGuard::kCaptured, server.port());
    client.send(client_hello("localhost"));
    CHECK(client.read_all().empty());
    CHECK(record.bytes().empty());
  }
  SECTION("whose srt-tls ends in the middle of the handshake") {
    Terminator terminator;
    RunningGuard guard(opened(allow({place})), terminator.options());
    Peer client = connect_through(guard, place);
    client.send(client_hello("localhost"));
    REQUIRE(both(terminator));
    terminator.end();
    CHECK(client.read_all().empty());
    CHECK(guard.await_event(EventKind::kFailed, "tls-client: srt-tls has ended"));
    CHECK(guard.await_no_connections());
    CHECK(record.bytes().empty());
  }
}

TEST_CASE("guard: srt-tls is asked for the tunnel's server and the hello's name") {
  Upstream server(echo);
  const std::string port = std::to_string(server.port());
  Terminator terminator;
  RunningGuard guard(opened(allow({"localhost:" + port, "other.example:" + port, server.place()})),
                     terminator.options());
  const bool named = GENERATE(true, false);
  Peer client = connect_through(guard, named ? "localhost:" + port : server.place());
  client.send_byte_by_byte(client_hello("other.example"));
  auto legs = both(terminator);
  REQUIRE(legs);
  CHECK(legs->up.request.name == (named ? "localhost" : "other.example"));
  CHECK(legs->down.request.name == "other.example");
  CHECK(legs->down.request.bytes == client_hello("other.example"));
  CHECK(legs->up.request.bytes.empty());
  CHECK(legs->up.request.patience_ms > 0);
  CHECK(legs->up.request.patience_ms <= 10'000);
  // These are the very sockets: the server echoes.
  legs->up.tls->send("to the server");
  CHECK(legs->up.tls->read_exactly(13) == "to the server");
  legs->down.tls->send("to the client");
  CHECK(client.read_exactly(13) == "to the client");
}

TEST_CASE("guard: each request within opened TLS is judged, and goes out with its secrets") {
  Upstream server(echo);
  const std::string place = "localhost:" + std::to_string(server.port());
  Terminator terminator;
  GuardOptions options = terminator.options();
  options.secrets.all = {{"TOKEN", "fake_value_1", "the secret", {}}};
  RunningGuard guard(opened(allow({place})), options);
  Peer client = connect_through(guard, place);
  client.send(client_hello("localhost"));
  auto legs = both(terminator);
  REQUIRE(legs);
  terminator.answer(legs->up, TlsNews::kReady);
  terminator.answer(legs->down, TlsNews::kReady);
  legs->down.plain->send(get(place, "X: fake_value_1\r\n"));
  const std::string request = legs->up.plain->read_until("\r\n\r\n");
  CHECK_THAT(request, StartsWith("GET /path HTTP/1.1\r\nHost: " + place));
  CHECK_THAT(request, Contains("X: the secret\r\n"));
  legs->up.plain->send(http_ok("answer"));
  CHECK_THAT(read_response(*legs->down.plain), Contains("answer"));
  CHECK(guard.await_event([](const AuditEvent& event) {
    return event.kind == EventKind::kAllowed && event.terminated && event.method == "GET";
  }));
  legs->down.plain->send(get("evil.example"));
  CHECK_THAT(legs->down.plain->read_all(), StartsWith("HTTP/1.1 421 "));
  CHECK(legs->up.plain->read_all().empty());
  CHECK(guard.await_event([](const AuditEvent& event) {
    return event.kind == EventKind::kDenied && event.terminated && event.reason == "host-mismatch";
  }));
}

TEST_CASE("guard: a server that is not who it should be is a 502, and nothing goes there") {
  Upstream server(echo);
  const std::string place = "localhost:" + std::to_string(server.port());
  Terminator terminator;
  RunningGuard guard(opened(allow({place})), terminator.options());
  Peer client = connect_through(guard, place);
  client.send(client_hello("localhost"));
  auto legs = both(terminator);
  REQUIRE(legs);
  terminator.answer(legs->up, TlsNews::kUntrusted, "certificate has expired");
  terminator.answer(legs->down, TlsNews::kReady);
  legs->down.plain->send(get(place));
  const std::string answer = legs->down.plain->read_all();
  CHECK_THAT(answer, StartsWith("HTTP/1.1 502 ") && Contains("localhost") && Contains("expired"));
  CHECK(legs->up.plain->read_all().empty());
  CHECK(guard.await_event(EventKind::kDenied, "untrusted-certificate: certificate has expired"));
}

TEST_CASE("guard: an answer that ends with its connection has to end with its TLS, too") {
  Upstream server(echo);
  const std::string place = "localhost:" + std::to_string(server.port());
  Terminator terminator;
  RunningGuard guard(opened(allow({place})), terminator.options());
  Peer client = connect_through(guard, place);
  client.send(client_hello("localhost"));
  auto legs = both(terminator);
  REQUIRE(legs);
  terminator.answer(legs->up, TlsNews::kReady);
  terminator.answer(legs->down, TlsNews::kReady);
  legs->down.plain->send(get(place));
  legs->up.plain->read_until("\r\n\r\n");
  legs->up.plain->send("HTTP/1.0 200 OK\r\n\r\npay 1");
  CHECK_THAT(legs->down.plain->read_until("pay 1"), Contains("200 OK"));
  const TlsNews news = GENERATE(TlsNews::kEnded, TlsNews::kCut);
  terminator.answer(legs->up, news);
  legs->up.plain->finish();
  CHECK(legs->down.plain->read_all().empty());
  // What is closed without shutdown() breaks off in srt-tls.
  pollfd end{legs->down.plain->fd(), 0, 0};
  CHECK(poll(&end, 1, news == TlsNews::kCut ? 10'000 : 0) == (news == TlsNews::kCut ? 1 : 0));
}

TEST_CASE(
    "guard: tunnels past maxTunnels are refused, and one that is no TLS gives its place back") {
  Upstream server(echo);
  const std::string place = "localhost:" + std::to_string(server.port());
  EgressPolicy policy = opened(allow({place, server.place()}));
  policy.tls->max_tunnels = 1;
  policy.tls->excluded = {*DomainPattern::parse("127.0.0.1", PatternList::kAllow)};
  RunningGuard guard(policy);
  Peer first = connect_through(guard, place);
  Peer second = Peer::connect("127.0.0.1", guard.proxy_port());
  second.send("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  CHECK_THAT(second.read_all(),
             StartsWith("HTTP/1.1 503 ") && Contains("X-Proxy-Error: too-many-tunnels"));
  CHECK(guard.await_event(EventKind::kDenied, "too-many-tunnels"));
  Peer socks = Peer::connect("127.0.0.1", guard.proxy_port());
  socks.send(socks_request(1, "localhost", server.port()));
  CHECK(socks_reply(socks) == 1);
  Peer excluded = connect_through(guard, server.place());
  first.send("\x01no TLS");
  CHECK(first.read_exactly(7) == "\x01no TLS");
  Peer third = connect_through(guard, place);
}

TEST_CASE(
    "guard: a tunnel that is to be opened has the time of its handshake, from its beginning") {
  Upstream server(echo);
  const std::string place = "localhost:" + std::to_string(server.port());
  EgressPolicy policy = opened(allow({place}));
  policy.tls->handshake_ms = 200;
  Terminator terminator;
  RunningGuard guard(policy, terminator.options());
  Peer client = connect_through(guard, place);
  SECTION("nothing is said") { CHECK(guard.await_event(EventKind::kDenied, "handshake-timeout")); }
  SECTION("half a hello") {
    client.send(client_hello("localhost").substr(0, 20));
    CHECK(guard.await_event(EventKind::kDenied, "handshake-timeout"));
  }
  SECTION("a hello, and srt-tls says nothing") {
    client.send(client_hello("localhost"));
    const auto legs = both(terminator);
    REQUIRE(legs);
    CHECK(guard.await_event(EventKind::kFailed, "tls-client: the handshake did not end in time"));
    CHECK(legs->up.plain->read_all().empty());
    CHECK(legs->down.plain->read_all().empty());
  }
  CHECK(guard.await_no_connections());
}

TEST_CASE("guard: a server that speaks first gets no TLS that nobody opens") {
  Record record;
  Upstream server([&](Peer peer) {
    peer.send("*");
    record.server()(std::move(peer));
  });
  const std::string place = "localhost:" + std::to_string(server.port());
  RunningGuard guard(opened(allow({place})));
  Peer client = connect_through(guard, place);
  CHECK(client.read_exactly(1) == "*");
  client.send(client_hello("localhost"));
  client.read_all();
  CHECK(guard.await_event(EventKind::kDenied, "tls-after-server"));
  CHECK(record.bytes().empty());
}
