// What a tunnel's first bytes are taken for.
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

TEST_CASE("guard: NATS says CONNECT, and means no proxy") {
  Record record;
  Upstream server([&](Peer peer) {
    peer.send("INFO {}\r\n");
    record.server()(std::move(peer));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  CHECK(client.read_until("\r\n") == "INFO {}\r\n");
  SECTION("a document passes") {
    const std::string hello = "CONNECT {\"verbose\":false}\r\nPING\r\n";
    client.send_byte_by_byte(hello);
    client.finish();
    client.read_all();
    CHECK(record.bytes() == hello);
  }
  SECTION("an authority does not, nor what says that it is HTTP") {
    client.send(
        GENERATE("CONNECT evil.example:443\r\n", "CONNECT {} HTTP/1.1\r\n\r\n", "GET {}\r\n"));
    client.read_all();
    CHECK(guard.await_event(EventKind::kDenied, "http-after-server"));
    CHECK_THAT(record.bytes(), !Contains("{") && !Contains("evil"));
  }
}

TEST_CASE(
    "guard: after a server that spoke first the client's first bytes are judged all the same") {
  Upstream server([](Peer peer) {
    peer.send("220 ready\r\n");
    peer.read_all();
  });
  RunningGuard guard(allow({server.place()}));
  const auto [bytes, reason] = GENERATE(table<std::string, std::string>(
      {{client_hello("evil.example"), "sni-mismatch"},
       {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "http-after-server"}}));
  Peer client = connect_through(guard, server.place());
  CHECK(client.read_until("\r\n") == "220 ready\r\n");
  client.send(bytes);
  CHECK(client.read_all().empty());
  CHECK(guard.await_event(EventKind::kDenied, reason));
}

TEST_CASE("guard: plain HTTP inside a tunnel is judged by each request") {
  Upstream server(
      http_server([](const std::string& head, const std::string&) { return http_ok(head); }));
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  std::this_thread::sleep_for(std::chrono::milliseconds(GENERATE(0, 600)));  // opened in advance
  client.send("GET /1 HTTP/1.1\r\nHost: " + server.place() + "\r\n\r\n");
  CHECK_THAT(read_response(client), Contains("GET /1"));
  client.send("GET /2 HTTP/1.1\r\nHost: evil.example:" + std::to_string(server.port()) +
              "\r\n\r\n");
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 403"));
  CHECK(guard.await_event(EventKind::kDenied, "no-rule"));
}

TEST_CASE("guard: nothing that some server reads as TLS or HTTP passes a tunnel unjudged") {
  Record record;
  Upstream server(record.server());
  RunningGuard guard(allow({server.place()}));
  const std::string request = " / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
  const auto [bytes, reason] = GENERATE_COPY(table<std::string, std::string>(
      {{std::string("\x15\x03\x01\x00\x02\x01\x5a", 7) + client_hello("evil.example"),
        "malformed-client-hello"},
       {std::string("\x16\x00\x00", 3) + client_hello("evil.example").substr(3),
        "malformed-client-hello"},
       {std::string(33, 'M') + request, "no-rule"},
       {"SSH-2.0-" + request, "no-rule"},
       {"PRI * HTTP/2.0\r\nHost: evil.example\r\n\r\n", "malformed-request"},
       {std::string(size_t{64} << 10, '\n') + "GET" + request, "header-too-large"}}));
  Peer client = connect_through(guard, server.place());
  client.send(bytes);
  client.read_all();
  CHECK(guard.await_event(EventKind::kDenied, reason));
  CHECK(guard.await_no_connections());
  CHECK(record.bytes().empty());
}

TEST_CASE(
    "guard: a client that says a word and waits is answered, and so is one whose word is long") {
  Upstream server([](Peer peer) {
    for (std::string got; !(got = peer.read_exactly(1)).empty();) peer.send(got);
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  const std::string word = GENERATE(std::string("ping"), std::string(1000, 'x'));
  for (int round = 0; round < 3; ++round) {
    client.send(word);
    CHECK(client.read_exactly(word.size()) == word);
  }
  client.send(" and\nwhatever follows / HTTP/1.1\n");
  CHECK(client.read_until("1.1\n") == " and\nwhatever follows / HTTP/1.1\n");
  client.finish();
  CHECK(client.read_all().empty());
  CHECK(guard.await_no_connections());
}

TEST_CASE("guard: a word that becomes a request after all has not been one for the server") {
  Record record;
  Upstream server([&](Peer peer) {
    const std::string word = peer.read_exactly(3);
    peer.send(word);  // so that the client knows
    record.server()(std::move(peer));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  const auto [word, rest] = GENERATE(table<std::string, std::string>(
      {{"PUT", " / HTTP/1.1\r\nHost: evil.example\r\n\r\n"},
       {"GET", " /\r\n"},
       {"get", "\r/ http/1.1\nHost: evil.example\n\n"},
       {"SSH", "-2.0- / HTTP/1.1\r\nHost: evil.example\r\n\r\n"},
       {"MMM", std::string(70'000, 'M') + " / HTTP/1.1\r\nHost: evil.example\r\n\r\n"}}));
  client.send(word);
  CHECK(client.read_exactly(3) == word);
  client.send(rest);
  client.read_all();
  CHECK(guard.await_event(EventKind::kDenied, "malformed-request"));
  CHECK(guard.await_no_connections());
  CHECK(record.bytes().find_first_not_of("M-2.0") == std::string::npos);
}

TEST_CASE("guard: a request that begins with half a word has the time of a request") {
  Upstream server(
      http_server([](const std::string& head, const std::string&) { return http_ok(head); }));
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  client.send("GE");
  client.send("T /slow HTTP/1.1\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(600));  // longer than a word alone is held
  client.send("Host: " + server.place() + "\r\n\r\n");
  CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 200") && Contains("GET /slow"));
}

TEST_CASE("guard: port 443 takes TLS and ssh and nothing else") {
  if (geteuid() != 0) {
    WARN("skipped: only root may listen on port 443");
    return;
  }
  Record record;
  Upstream server(record.server(), 443);
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  SECTION("refused") {
    client.send(GENERATE("GET / HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n",
                         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x01\x02opaque-bytes"));
    client.read_all();
    CHECK(guard.await_event(EventKind::kDenied, "not-tls"));
    CHECK(guard.await_no_connections());
    CHECK(record.bytes().empty());
  }
  SECTION("passed") {
    const std::string hello = GENERATE(std::string("SSH-2.0-OpenSSH_9.2\r\n"), client_hello(""));
    client.send(hello);
    client.finish();
    client.read_all();
    CHECK(guard.await_no_connections());
    CHECK(record.bytes() == hello);
  }
}

TEST_CASE("guard: first bytes that do not get ready are denied when their time is over") {
  GuardOptions options;
  options.handshake = std::chrono::seconds(1);
  Record record;
  Upstream server(record.server());
  RunningGuard guard(allow({server.place()}), options);
  Peer client = connect_through(guard, server.place());
  client.send(client_hello("evil.example").substr(0, 20));
  client.read_all();
  CHECK(guard.await_event(EventKind::kDenied, "handshake-timeout"));
  CHECK(guard.await_no_connections());
  CHECK(record.bytes().empty());
}
