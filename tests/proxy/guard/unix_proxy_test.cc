// Hosts that mitmProxy names: through the proxy at its unix socket, or not at all.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "proxy/unix_connector.h"
#include "tests/proxy/guard/listeners.h"
#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"
#include "tests/proxy/guard/tunnel.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/srt-unix-proxy.XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The process that connects for a guard, as a thread. It ends with the guard.
class Connector {
 public:
  explicit Connector(const std::string& path) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    guards_ = ends[0];
    thread_ = std::thread([served = ends[1], path] {
      serve_connects(served, path);
      close(served);
    });
  }
  ~Connector() { thread_.join(); }
  int for_guard() const { return guards_; }
  GuardOptions options() const {
    GuardOptions options;
    options.connector = guards_;
    return options;
  }

 private:
  int guards_ = -1;
  std::thread thread_;
};

EgressPolicy through(const std::string& socket, const std::vector<std::string>& domains,
                     EgressPolicy policy) {
  policy.mitm.emplace().socket_path = socket;
  for (const std::string& text : domains) {
    policy.mitm->domains.push_back(*DomainPattern::parse(text, PatternList::kAllow));
  }
  return policy;
}

// A proxy that answers with what it was asked, and in a tunnel with what came through.
void tell(Peer peer) {
  const std::string head = peer.read_until("\r\n\r\n");
  if (!head.starts_with("CONNECT ")) {
    peer.send(http_ok(head));
    return;
  }
  peer.send("HTTP/1.1 200 OK\r\n\r\n");
  const std::string request = peer.read_until("\r\n\r\n");
  peer.send(http_ok(head + request));
}

std::string get(const std::string& place, const std::string& path = "/") {
  return "GET " + path + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n";
}

}  // namespace

TEST_CASE("guard: a host of mitmProxy is reached through its socket, whichever way one comes") {
  const Folder folder;
  Upstream proxy(tell, folder / "proxy");
  Upstream server(
      http_server([](const std::string& head, const std::string&) { return http_ok(head); }));
  const std::string place = "localhost:" + std::to_string(server.port());
  const EgressPolicy policy = through(folder / "proxy", {"localhost", "a.example"},
                                      allow({place, "a.example"}, {"evil.example"}));
  const Connector connector(folder / "proxy");
  const auto guard = RunningGuard::capturing(server.port(), policy, connector.options());
  Peer plain = Peer::connect("127.0.0.1", guard->proxy_port());
  plain.send("GET http://" + place + "/a HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  CHECK_THAT(read_response(plain), Contains("GET http://" + place + "/a HTTP/1.1\r\n"));
  const std::string asked = "CONNECT " + place + " HTTP/1.1\r\n";
  Peer tunnel = connect_through(*guard, place);
  tunnel.send(get(place, "/b"));
  CHECK_THAT(read_response(tunnel), Contains(asked) && Contains("GET /b "));
  Peer socks = Peer::connect("127.0.0.1", guard->proxy_port());
  socks.send(socks_request(1, "localhost", server.port()));
  CHECK(socks_reply(socks) == 0);
  socks.send(get(place, "/c"));
  CHECK_THAT(read_response(socks), Contains(asked) && Contains("GET /c "));
  Peer caught = Peer::connect(RunningGuard::kCaptured, server.port());
  caught.send(get(place, "/d"));
  CHECK_THAT(read_response(caught), Contains(asked) && Contains("GET /d "));
  CHECK(server.accepted() == 0);
  // The rules come first, and the proxy is not asked about what they deny.
  Peer denied = Peer::connect("127.0.0.1", guard->proxy_port());
  denied.send("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
  CHECK_THAT(denied.read_all(), StartsWith("HTTP/1.1 403"));
  CHECK(proxy.accepted() == 4);
}

TEST_CASE("guard: without its proxy a host of mitmProxy is not reached") {
  const Folder folder;
  Upstream server(echo);
  const std::string place = "localhost:" + std::to_string(server.port());
  const EgressPolicy policy = through(folder / "proxy", {"localhost"}, allow({place}));
  std::unique_ptr<Connector> connector;
  std::string why = "unreachable";
  SECTION("there is no socket") { connector = std::make_unique<Connector>(folder / "proxy"); }
  SECTION("nobody listens at it") {
    const int fd = listen_unix(folder / "proxy");
    REQUIRE(fd >= 0);
    close(fd);
    connector = std::make_unique<Connector>(folder / "proxy");
    why = "refused";
  }
  SECTION("a link leads to another one") {
    // Who may write into the folder must not choose whom the guard speaks to: docker, say.
    std::filesystem::create_symlink(folder / "other", folder / "proxy");
    connector = std::make_unique<Connector>(folder / "proxy");
  }
  SECTION("nobody connects for the guard") {}
  Upstream other(tell, folder / "other");
  RunningGuard guard(policy, connector ? connector->options() : GuardOptions());
  Peer plain = Peer::connect("127.0.0.1", guard.proxy_port());
  plain.send("GET http://" + place + "/ HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  CHECK_THAT(read_response(plain), Contains("mitm-proxy"));
  Peer tunnel = Peer::connect("127.0.0.1", guard.proxy_port());
  tunnel.send("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  CHECK_THAT(tunnel.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 502 "));
  CHECK(guard.await_event(EventKind::kFailed, "mitm-proxy: " + why));
  CHECK(server.accepted() + other.accepted() == 0);
}

TEST_CASE("guard: what the proxy at a unix socket refuses is refused") {
  const Folder folder;
  Upstream proxy(
      [](Peer peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      },
      folder / "proxy");
  const Connector connector(folder / "proxy");
  RunningGuard guard(through(folder / "proxy", {"a.example"}, allow({"a.example"})),
                     connector.options());
  Peer tunnel = Peer::connect("127.0.0.1", guard.proxy_port());
  tunnel.send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
  CHECK_THAT(tunnel.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 502 "));
  CHECK(guard.await_event(EventKind::kFailed, "mitm-proxy: answered 403"));
}

TEST_CASE("guard: a host of mitmProxy is not reached over a connection to another one") {
  const Folder folder;
  Upstream proxy(tell, folder / "proxy");
  Upstream front(http_server([](const std::string&, const std::string&) { return http_ok("x"); }));
  const std::string inspected = "inspected.example:" + std::to_string(front.port());
  const Connector connector(folder / "proxy");
  RunningGuard guard(
      through(folder / "proxy", {"inspected.example"}, allow({front.place(), "inspected.example"})),
      connector.options());
  Peer tunnel = connect_through(guard, front.place());
  SECTION("by Host") {
    tunnel.send(get(inspected));
    CHECK_THAT(tunnel.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 421 "));
  }
  SECTION("by SNI") {
    tunnel.send(client_hello("inspected.example"));
    CHECK_THAT(tunnel.read_all(), StartsWith("\x15\x03\x03"));  // an alert
  }
  CHECK(guard.await_event(EventKind::kDenied, "around-mitm-proxy"));
}

TEST_CASE("guard: new rules about mitmProxy hold for the next request") {
  const Folder folder;
  Upstream first(tell, folder / "first"), second(tell, folder / "second");
  Upstream server(http_server(
      [](const std::string& head, const std::string&) { return http_ok("direct " + head); }));
  const std::string question =
      "GET http://" + server.place() + "/ HTTP/1.1\r\nHost: " + server.place() + "\r\n\r\n";
  const Connector to_first(folder / "first"), to_second(folder / "second");
  const EgressPolicy rules = allow({server.place()});
  RunningGuard guard(rules);
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(question);
  CHECK_THAT(read_response(client), Contains("direct GET / "));
  guard.replace_policy(through(folder / "first", {"127.0.0.1"}, rules), to_first.for_guard());
  client.send(question);  // over the same connection
  CHECK_THAT(read_response(client), Contains("GET http://" + server.place() + "/ "));
  guard.replace_policy(through(folder / "second", {"127.0.0.1"}, rules), to_second.for_guard());
  Peer other = Peer::connect("127.0.0.1", guard.proxy_port());
  other.send(question);
  CHECK_THAT(read_response(other), Contains("GET http://" + server.place() + "/ "));
  CHECK(first.accepted() == 1);
  CHECK(second.accepted() == 1);
}

TEST_CASE("guard: a proxy at a unix socket whose queue is full is waited for") {
  const Folder folder;
  const int fd = listen_unix(folder / "proxy");
  REQUIRE(fd >= 0);
  REQUIRE(listen(fd, 0) == 0);
  const int filler = connect_without_links(folder / "proxy");
  REQUIRE(filler >= 0);
  REQUIRE(connect_without_links(folder / "proxy") == -1);
  REQUIRE(errno == EAGAIN);
  const Connector connector(folder / "proxy");
  RunningGuard guard(through(folder / "proxy", {"a.example"}, allow({"a.example"})),
                     connector.options());
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  SECTION("and serves in the end") {
    client.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n");
    close(accept(fd, nullptr, nullptr));
    tell(Peer(accept(fd, nullptr, nullptr)));
    CHECK_THAT(read_response(client), Contains("GET http://a.example/ "));
  }
  SECTION("until the client goes") {
    client.send("CONNECT a.example:22 HTTP/1.1\r\nHost: a.example:22\r\n\r\n");
    while (guard.counts().open == 0) std::this_thread::yield();
    client.reset();
    CHECK(guard.await_no_connections());
  }
  close(filler);
  close(fd);
}

TEST_CASE("a connector that has gone answers nothing, and a guard has nothing to wait for") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const UnixConnector connector(ends[0]);
  const int waiting = connector.ask();
  REQUIRE(waiting >= 0);
  close(ends[1]);  // with the question
  int proxy = -1;
  CHECK(take_connected(waiting, proxy) == EPIPE);
  CHECK(proxy == -1);
  close(waiting);
  CHECK(connector.ask() == -1);
  CHECK(errno == EPIPE);
}
