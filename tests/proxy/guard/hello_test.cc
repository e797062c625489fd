// The server names of TLS inside a tunnel: of the first hello, and of one that the server asks for.
#include <string>

#include <catch2/catch.hpp>

#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"
#include "tests/proxy/guard/tunnel.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;

namespace {

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
