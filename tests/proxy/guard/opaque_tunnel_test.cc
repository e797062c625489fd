// Where tunnels that nobody can look into are refused (refuseOpaqueTunnels).
#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"
#include "tests/proxy/guard/tunnel.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("guard: where opaque tunnels are refused, only plain HTTP passes") {
  Upstream server(
      http_server([](const std::string&, const std::string&) { return http_ok("here"); }));
  const std::string place = "localhost:" + std::to_string(server.port());
  EgressPolicy policy = allow({place});
  policy.refuse_opaque = true;
  const std::string inside = "GET / HTTP/1.1\r\nHost: " + place + "\r\nConnection: close\r\n\r\n";
  SECTION("a request to the proxy") {
    RunningGuard guard(policy);
    Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
    client.send("GET http://" + place + "/ HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
    CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 200 "));
  }
  SECTION("CONNECT, whatever would follow") {
    RunningGuard guard(policy);
    Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
    client.send("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n" + inside);
    const std::string answer = client.read_all();
    CHECK_THAT(answer, StartsWith("HTTP/1.1 403 ") && Contains("X-Proxy-Error: ") &&
                           Contains("refuseOpaqueTunnels"));
    CHECK(guard.await_event(EventKind::kDenied, "opaque-tunnel"));
    CHECK(server.accepted() == 0);
  }
  SECTION("SOCKS") {
    RunningGuard guard(policy);
    Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
    client.send(socks_request(1, "localhost", server.port()));
    CHECK(socks_reply(client) == 2);
    CHECK(guard.await_event(EventKind::kDenied, "opaque-tunnel"));
    CHECK(server.accepted() == 0);
  }
  SECTION("plain HTTP that was caught") {
    auto guard = RunningGuard::capturing(server.port(), policy);
    Peer client = Peer::connect(RunningGuard::kCaptured, server.port());
    client.send(inside);
    CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 200 "));
  }
  SECTION("other bytes that were caught") {
    auto guard = RunningGuard::capturing(server.port(), policy);
    Peer client = Peer::connect(RunningGuard::kCaptured, server.port());
    client.send(GENERATE("SSH-2.0-x\r\n", "\x01hello", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    CHECK(client.read_all().empty());
    CHECK(guard->await_event(EventKind::kDenied, "opaque-tunnel"));
  }
  SECTION("half of a request, and no more") {
    auto guard = RunningGuard::capturing(server.port(), policy);
    Peer client = Peer::connect(RunningGuard::kCaptured, server.port());
    client.send("GE");
    client.finish();
    CHECK(client.read_all().empty());
    CHECK(guard->await_event(EventKind::kDenied, "opaque-tunnel"));
  }
}

TEST_CASE("guard: where opaque tunnels are refused, no word passes that might become a request") {
  Record record;
  Upstream server(record.server());
  EgressPolicy policy = allow({"localhost:" + std::to_string(server.port())});
  policy.refuse_opaque = true;
  GuardOptions options;
  options.handshake = std::chrono::milliseconds(500);
  auto guard = RunningGuard::capturing(server.port(), policy, options);
  Peer client = Peer::connect(RunningGuard::kCaptured, server.port());
  client.send("HELO");
  CHECK(client.read_all().empty());
  CHECK(guard->await_event(EventKind::kDenied, "handshake-timeout"));
  CHECK(guard->await_no_connections());
  CHECK(record.bytes().empty());
}

TEST_CASE("guard: a server that speaks first is not heard where opaque tunnels are refused") {
  Upstream server([](Peer peer) {
    peer.send("220 ready\r\n");
    peer.read_all();
  });
  EgressPolicy policy = allow({"localhost:" + std::to_string(server.port())});
  policy.refuse_opaque = true;
  auto guard = RunningGuard::capturing(server.port(), policy);
  Peer client = Peer::connect(RunningGuard::kCaptured, server.port());
  client.send("EHLO me\r\n");
  CHECK(client.read_all().empty());
  CHECK(guard->await_event(EventKind::kDenied, "opaque-tunnel"));
}
