// CONNECT, SOCKS5 and transparent connections: their answers, who is let in, and where they lead.
#include "tests/proxy/guard/tunnel.h"

#include <errno.h>

#include <array>
#include <string>

#include <catch2/catch.hpp>

#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("guard: a refused CONNECT says why in its status line") {
  RunningGuard guard(allow({"good.example"}, {"bad.good.example"}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
  const std::string response = client.read_all();
  CHECK_THAT(response.substr(0, response.find("\r\n")), StartsWith("HTTP/1.1 403 ") &&
                                                            Contains("evil.example:443") &&
                                                            Contains("no rule allows it"));
  CHECK_THAT(response, Contains("X-Proxy-Error: blocked-by-allowlist"));
}

TEST_CASE("guard: SOCKS5 connects, and refuses with the right code") {
  Upstream server(echo);
  RunningGuard guard(allow({server.place(), "localhost:" + std::to_string(server.port())}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  SECTION("allowed, byte by byte, half-closed") {
    client.send_byte_by_byte(socks_request(1, "localhost", server.port()));
    CHECK(socks_reply(client) == 0);
    client.send("\x01hello");
    client.finish();
    CHECK(client.read_all() == "\x01hello");
  }
  SECTION("denied") {
    client.send(socks_request(1, "evil.example", 443));
    CHECK(socks_reply(client) == 2);
  }
  SECTION("a name with a NUL") {
    client.send(socks_request(1, std::string("localhost\0.evil", 15), server.port()));
    CHECK(socks_reply(client) == 2);
    CHECK(guard.await_event(EventKind::kDenied));
  }
  SECTION("port 0, which is no destination") {
    RunningGuard open(allow({"localhost"}));
    Peer other = Peer::connect("127.0.0.1", open.proxy_port());
    other.send(socks_request(1, "localhost", 0));
    CHECK(socks_reply(other) == 2);
    CHECK(open.await_event(EventKind::kDenied));
  }
  SECTION("BIND and UDP ASSOCIATE") {
    client.send(socks_request(static_cast<uint8_t>(GENERATE(2, 3)), "localhost", server.port()));
    CHECK(socks_reply(client) == 7);
  }
  SECTION("SOCKS4 is closed") {
    client.send(std::string("\x04\x01\x00\x50\x7f\x00\x00\x01\x00", 9));
    CHECK(client.read_all().empty());
  }
  SECTION("nobody listens") {
    RunningGuard open(allow({"127.0.0.1:1"}));
    Peer other = Peer::connect("127.0.0.1", open.proxy_port());
    other.send(socks_request(1, "127.0.0.1", 1));
    CHECK(socks_reply(other) == 5);
  }
}

TEST_CASE("guard: a captured connection goes where it wanted to, or is reset") {
  Upstream server(echo);
  const std::string place = "localhost:" + std::to_string(server.port());
  SECTION("allowed") {
    auto guard = RunningGuard::capturing(server.port(), allow({place}));
    Peer client = Peer::connect(RunningGuard::kCaptured, server.port());
    client.send("\x01hello");
    client.finish();
    CHECK(client.read_all() == "\x01hello");
  }
  SECTION("denied") {
    auto guard = RunningGuard::capturing(server.port(), allow({"other.example"}));
    Peer client = Peer::connect(RunningGuard::kCaptured, server.port());
    CHECK(client.read_all().empty());
    CHECK(client.last_error() == ECONNRESET);
    CHECK(server.accepted() == 0);
  }
}

TEST_CASE("guard: the end of one direction is handed on, the other goes on") {
  Upstream server([](Peer peer) {
    const std::string question = peer.read_all();  // until the client's half is closed
    peer.send(std::to_string(question.size()));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  client.send("\x01" + std::string(100000, 'x'));
  client.finish();
  CHECK(client.read_all() == "100001");
  CHECK(guard.await_no_connections());
}

TEST_CASE("guard: a server that speaks first is heard") {
  Upstream server([](Peer peer) {
    peer.send("220 ready\r\n");
    peer.send("250 " + peer.read_until("\r\n"));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  CHECK(client.read_until("\r\n") == "220 ready\r\n");
  client.send("EHLO me\r\n");
  CHECK(client.read_until("\r\n") == "250 EHLO me\r\n");
}

TEST_CASE("guard: a changed policy cuts what it denies and leaves the rest") {
  Upstream one(echo), two(echo);
  RunningGuard guard(allow({one.place(), two.place()}));
  Peer cut = connect_through(guard, one.place());
  Peer kept = connect_through(guard, two.place());
  for (Peer* client : {&cut, &kept}) {
    client->send("\x01");
    REQUIRE(client->read_exactly(1) == "\x01");
  }
  guard.replace_policy(allow({two.place()}));
  CHECK(cut.read_all().empty());
  CHECK(guard.await_event(EventKind::kCut));
  kept.send("\x02");
  CHECK(kept.read_exactly(1) == "\x02");
  Peer late = Peer::connect("127.0.0.1", guard.proxy_port());
  late.send("CONNECT " + one.place() + " HTTP/1.1\r\nHost: " + one.place() + "\r\n\r\n");
  CHECK_THAT(late.read_all(), StartsWith("HTTP/1.1 403"));
}

TEST_CASE("guard: a second name of a connection is allowed for as long as the rules say so") {
  Upstream server([](Peer peer) {
    const bool tls = peer.read_exactly(1) == "\x16";
    if (!tls) peer.read_until("\r\n\r\n");
    peer.send(tls ? "first" : "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst");
    peer.read_all();
  });
  const std::string also = "also.example:" + std::to_string(server.port());
  RunningGuard guard(allow({server.place(), also}));
  const std::string question = GENERATE(true, false)
                                   ? client_hello("also.example")
                                   : "GET / HTTP/1.1\r\nHost: " + also + "\r\n\r\n";
  Peer client = connect_through(guard, server.place());
  client.send(question);
  REQUIRE_THAT(client.read_until("first"), Catch::Matchers::EndsWith("first"));
  guard.replace_policy(allow({server.place()}));
  CHECK(client.read_all().empty());
  CHECK(client.last_error() == ECONNRESET);
  CHECK(guard.await_event(EventKind::kCut, "policy-changed"));
}

TEST_CASE("guard: a denied address is denied to a parent proxy as well") {
  Upstream parent(echo);
  // Its Teredo server is denied, which decide() does not look for.
  const std::string host = "[2001:0:7f00:9::f7f7:f7f7]";
  EgressPolicy policy = allow({host});
  policy.layers[0].denied.push_back(
      {*DomainPattern::parse("127.0.0.9", PatternList::kDeny), "test", {}});
  policy.parent_http = policy.parent_https = ParentProxy{"localhost", parent.port(), ""};
  RunningGuard guard(policy);
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  const bool tunnel = GENERATE(true, false);
  client.send(tunnel ? "CONNECT " + host + ":22 HTTP/1.1\r\nHost: " + host + ":22\r\n\r\n"
                     : "GET http://" + host + "/ HTTP/1.1\r\nHost: " + host +
                           "\r\nConnection: close\r\n\r\n");
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 403 "));
  CHECK(parent.accepted() == 0);
}

TEST_CASE(
    "guard: a parent proxy gets requests in absolute form, tunnels by CONNECT, and its secret") {
  // A parent that answers by itself shows what it was asked.
  Upstream parent([](Peer peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    const bool tunnel = head.starts_with("CONNECT ");
    if (tunnel) peer.send("HTTP/1.1 200 OK\r\n\r\n" + head);
    if (!tunnel) peer.send(http_ok(head));
  });
  EgressPolicy policy = allow({"a.example", "127.0.0.9"}, {"evil.example"});
  policy.parent_http = ParentProxy{"127.0.0.1", parent.port(), "Basic secret"};
  policy.parent_https = policy.parent_http;
  RunningGuard guard(policy);
  Peer plain = Peer::connect("127.0.0.1", guard.proxy_port());
  plain.send(
      "GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\nProxy-Authorization: mine\r\n\r\n");
  CHECK_THAT(read_response(plain), Contains("GET http://a.example/x HTTP/1.1\r\n") &&
                                       Contains("Proxy-Authorization: Basic secret\r\n") &&
                                       !Contains("mine"));
  Peer tunnel = connect_through(guard, "a.example:22");
  CHECK_THAT(tunnel.read_until("\r\n\r\n"), StartsWith("CONNECT a.example:22 HTTP/1.1\r\n") &&
                                                Contains("Proxy-Authorization: Basic secret\r\n"));
  // Names are the parent's to look up; the rules, and literal addresses, are still judged here.
  Peer denied = Peer::connect("127.0.0.1", guard.proxy_port());
  denied.send("CONNECT evil.example:22 HTTP/1.1\r\nHost: evil.example:22\r\n\r\n");
  CHECK_THAT(denied.read_all(), StartsWith("HTTP/1.1 403"));
  CHECK(parent.accepted() == 2);
}

TEST_CASE("guard: a name that leads to this host is refused by its address, whoever is named") {
  std::array<char, 256> name{};
  REQUIRE(gethostname(name.data(), name.size() - 1) == 0);
  Upstream server(echo);
  const std::string place = std::string(name.data()) + ":" + std::to_string(server.port());
  RunningGuard guard(allow({place}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  const std::string response = client.read_all();
  if (response.starts_with("HTTP/1.1 502")) {
    WARN("skipped: this host's own name does not resolve");
    return;
  }
  CHECK_THAT(response, StartsWith("HTTP/1.1 403") && Contains("address"));
  CHECK(guard.await_event([](const AuditEvent& event) {
    return event.kind == EventKind::kDenied && event.reason.starts_with("address: ");
  }));
  CHECK(server.accepted() == 0);
}

TEST_CASE("guard: external proxies are used after the decision") {
  Upstream server(
      http_server([](const std::string& head, const std::string&) { return http_ok(head); }));
  const std::string place = "localhost:" + std::to_string(server.port());
  RunningGuard parent(allow({place}));
  EgressPolicy policy = allow({place, server.place(), "127.0.0.1:1"});
  SECTION("external HTTP proxy, also for SOCKS") {
    policy.external_http_port = parent.proxy_port();
  }
  SECTION("external SOCKS proxy, also for HTTP") {
    policy.external_socks_port = parent.proxy_port();
  }
  RunningGuard guard(policy);
  Peer plain = Peer::connect("127.0.0.1", guard.proxy_port());
  plain.send("GET http://" + place + "/a HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  CHECK_THAT(read_response(plain), Contains("GET /a HTTP/1.1"));
  Peer tunnel = connect_through(guard, place);
  tunnel.send("GET /b HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  CHECK_THAT(read_response(tunnel), Contains("GET /b HTTP/1.1"));
  Peer socks = Peer::connect("127.0.0.1", guard.proxy_port());
  socks.send(socks_request(1, "localhost", server.port()));
  CHECK(socks_reply(socks) == 0);
  CHECK(parent.counts().allowed >= 3);
  Peer denied = Peer::connect("127.0.0.1", guard.proxy_port());
  denied.send("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
  CHECK_THAT(denied.read_all(), StartsWith("HTTP/1.1 403"));
  CHECK(parent.counts().denied == 0);
}

TEST_CASE("guard: more connections than allowed are turned away") {
  Upstream server(echo);
  GuardOptions options;
  SECTION("in all") {
    options.max_connections = 1;
    RunningGuard guard(allow({server.place()}), options);
    Peer first = connect_through(guard, server.place());
    Peer second = Peer::connect("127.0.0.1", guard.proxy_port());
    CHECK_THAT(second.read_all(), StartsWith("HTTP/1.1 503"));
  }
  SECTION("to one destination") {
    options.max_per_destination = 1;
    RunningGuard guard(allow({server.place()}), options);
    {
      Peer first = connect_through(guard, server.place());
      Peer second = Peer::connect("127.0.0.1", guard.proxy_port());
      second.send("CONNECT " + server.place() + " HTTP/1.1\r\nHost: " + server.place() +
                  "\r\n\r\n");
      CHECK_THAT(second.read_all(), StartsWith("HTTP/1.1 503"));
    }
    CHECK(guard.await_no_connections());
    Peer third = connect_through(guard, server.place());
  }
}
