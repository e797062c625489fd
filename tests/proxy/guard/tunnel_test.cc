// CONNECT, SOCKS5 and transparent connections: their answers, and what is said of their first
// bytes.
#include <errno.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

Peer connect_through(RunningGuard& guard, const std::string& place) {
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  REQUIRE_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  return client;
}

std::string socks_request(uint8_t command, const std::string& name, uint16_t port) {
  std::string request("\x05\x01\x00", 3);
  request += std::string("\x05", 1) + static_cast<char>(command) + std::string("\x00\x03", 2);
  request += static_cast<char>(name.size());
  return request + name + static_cast<char>(port >> 8) + static_cast<char>(port & 0xff);
}

// The code of the reply.
int socks_reply(Peer& client) {
  REQUIRE(client.read_exactly(2) == std::string("\x05\x00", 2));
  const std::string reply = client.read_exactly(10);
  return reply.size() == 10 ? reply[1] : -1;
}

// What has arrived at a server when its first connection ends.
class Record {
 public:
  Upstream::Serve server() {
    return [this](Peer peer) {
      const std::string all = peer.read_all();
      const std::lock_guard lock(mutex_);
      bytes_ += all;
      ended_ = true;
      changed_.notify_all();
    };
  }
  std::string bytes() {
    std::unique_lock lock(mutex_);
    const bool ended = changed_.wait_for(lock, std::chrono::seconds(10), [this] { return ended_; });
    return ended ? bytes_ : "the connection has not ended";
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string bytes_;
  bool ended_ = false;
};

// ServerHello or, with its random, HelloRetryRequest: RFC 8446 §4.1.3. Only as much as tells them apart.
std::string server_hello(bool again) {
  const std::string random =
      again ? std::string(
                  "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
                  "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c",
                  32)
            : std::string(32, 'r');
  const std::string body = std::string("\x03\x03", 2) + random + std::string("\x00\x13\x01\x00", 4);
  const std::string message =
      std::string("\x02\x00\x00", 3) + static_cast<char>(body.size()) + body;
  return std::string("\x16\x03\x03\x00", 4) + static_cast<char>(message.size()) + message;
}

constexpr std::string_view kChangeCipherSpec{"\x14\x03\x03\x00\x01\x01", 6};
constexpr std::string_view kEarlyData{
    "\x17\x03\x03\x00\x05"
    "early",
    10};

}  // namespace

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

TEST_CASE("guard: a server name that is not allowed closes before a byte goes upstream") {
  Record record;
  Upstream server(record.server());
  RunningGuard guard(allow(
      {server.place(), "also.example:" + std::to_string(server.port()), "elsewhere.example:1"}));
  SECTION("another name") {
    const std::string name = GENERATE("evil.example", "elsewhere.example");
    Peer client = connect_through(guard, server.place());
    client.send_byte_by_byte(client_hello(name));
    CHECK(client.read_all() == std::string("\x15\x03\x03\x00\x02\x02\x31", 7));
    CHECK(guard.await_event([&](const AuditEvent& event) {
      return event.kind == EventKind::kDenied && event.reason == "sni-mismatch" &&
             event.sni == name;
    }));
    CHECK(guard.await_no_connections());
    CHECK(record.bytes().empty());
  }
  SECTION("an outer name around an encrypted hello") {
    Peer client = connect_through(guard, server.place());
    client.send(client_hello("evil.example", true));
    client.read_all();
    CHECK(guard.await_event([&](const AuditEvent& event) {
      return event.kind == EventKind::kDenied && event.reason == "sni-mismatch" && event.ech;
    }));
    CHECK(guard.await_no_connections());
    CHECK(record.bytes().empty());
  }
  SECTION("an encrypted hello under an allowed name passes, and is recorded") {
    Peer client = connect_through(guard, server.place());
    client.send(client_hello("also.example", true));
    client.finish();
    client.read_all();
    CHECK(guard.await_event([&](const AuditEvent& event) {
      return event.kind == EventKind::kEnded && event.sni == "also.example" && event.ech;
    }));
  }
  SECTION("an allowed name, or none, passes whole") {
    const std::string name = GENERATE("also.example", "");
    const std::string hello = client_hello(name);
    Peer client = connect_through(guard, server.place());
    client.send_byte_by_byte(hello);
    client.finish();
    CHECK(client.read_all().empty());
    CHECK(guard.await_no_connections());
    CHECK(record.bytes() == hello);
    CHECK(guard.await_event([&](const AuditEvent& event) {
      return event.kind == EventKind::kEnded && event.sni == name &&
             event.without_sni == name.empty() && !event.ech;
    }));
  }
}

TEST_CASE("guard: the server name of a second hello is judged as the first one's") {
  // All that comes, and each answer after its hello; byte by byte where `slowly`.
  const bool slowly = GENERATE(false, true);
  Record record;
  Upstream server([&](Peer peer) {
    const std::string hello = client_hello("also.example");
    peer.read_exactly(hello.size());
    if (slowly) {
      peer.send_byte_by_byte(server_hello(true));
    } else {
      peer.send(server_hello(true));
    }
    record.server()(std::move(peer));
  });
  const std::string port = ":" + std::to_string(server.port());
  RunningGuard guard(allow({server.place(), "also.example" + port, "other.example" + port}));
  Peer client = connect_through(guard, server.place());
  client.send(client_hello("also.example"));
  client.send(kEarlyData);
  REQUIRE(client.read_exactly(server_hello(true).size()) == server_hello(true));
  client.send(kChangeCipherSpec);
  const std::string before = std::string(kEarlyData) + std::string(kChangeCipherSpec);
  const auto say = [&](const std::string& bytes) {
    if (slowly) {
      client.send_byte_by_byte(bytes);
    } else {
      client.send(bytes);
    }
  };
  SECTION("an allowed one, or none, passes, and all that follows") {
    const std::string rest =
        client_hello(GENERATE("also.example", "other.example", "")) + std::string("\x16 and so on");
    say(rest);
    client.finish();
    client.read_all();
    CHECK(record.bytes() == before + rest);
  }
  SECTION("another one does not reach the server") {
    say(client_hello("evil.example"));
    client.read_all();
    CHECK(guard.await_event(EventKind::kDenied, "sni-mismatch"));
    CHECK(record.bytes() == before);
  }
  SECTION("nor does half of one, or what is none") {
    const auto hello = client_hello("evil.example");
    say(GENERATE_COPY(hello.substr(0, 30), std::string("\x16\x03\x00\x00\x00\x00", 6),
                      std::string("\x16\x01") + hello.substr(2),
                      std::string("\x18\x03\x03\x00\x01x", 6),
                      std::string("GET / HTTP/1.1\r\n\r\n")));
    client.finish();
    client.read_all();
    CHECK(guard.await_event(EventKind::kDenied, "malformed-client-hello"));
    CHECK(record.bytes() == before);
  }
}

TEST_CASE("guard: a second hello that nobody has asked for does not reach the server") {
  Record record;
  Upstream server(record.server());
  RunningGuard guard(allow({server.place()}));
  const std::string first = client_hello("");
  const std::string evil = client_hello("evil.example");
  Peer client = connect_through(guard, server.place());
  SECTION("in a record of its own") {
    client.send(first + std::string(kChangeCipherSpec) + evil);
    client.read_all();
    CHECK(guard.await_event(EventKind::kDenied, "malformed-client-hello"));
    CHECK(record.bytes() == first + std::string(kChangeCipherSpec));
  }
  SECTION("in the record of the first") {
    std::string both = first + evil.substr(5);
    both[3] = static_cast<char>((both.size() - 5) >> 8);
    both[4] = static_cast<char>((both.size() - 5) & 0xff);
    client.send(both);
    client.read_all();
    CHECK(guard.await_event(EventKind::kDenied, "malformed-client-hello"));
    CHECK(record.bytes().empty());
  }
}

TEST_CASE("guard: after a server's hello what either side says is theirs") {
  Record record;
  const std::string first = client_hello("");
  const std::string answer = GENERATE_COPY(
      server_hello(false), std::string("\x15\x03\x03\x00\x02\x02\x28", 7), std::string("not TLS"));
  Upstream server([&](Peer peer) {
    peer.read_exactly(first.size());
    peer.send(answer);
    record.server()(std::move(peer));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  client.send(first);
  REQUIRE(client.read_exactly(answer.size()) == answer);
  // ClientKeyExchange, or an encrypted message that looks like another hello.
  const std::string rest =
      std::string("\x16\x03\x03\x00\x01\x10", 6) + client_hello("evil.example");
  client.send(rest);
  client.finish();
  client.read_all();
  CHECK(record.bytes() == rest);
}

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

TEST_CASE("guard: half of a hello, and then nothing more, is no way in") {
  Record record;
  Upstream server(record.server());
  RunningGuard guard(allow({server.place()}));
  Peer client = connect_through(guard, server.place());
  const std::string hello = client_hello("evil.example");
  client.send(hello.substr(0, GENERATE(1, 5, 60)));
  client.finish();
  client.read_all();
  CHECK(guard.await_event(EventKind::kDenied, "malformed-client-hello"));
  CHECK(guard.await_no_connections());
  CHECK(record.bytes().empty());
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
