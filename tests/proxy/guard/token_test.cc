// A guard on a loopback that others share: nothing without the token.
#include <catch2/catch.hpp>

#include "proxy/base64.h"
#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string kToken = "k3y-of-this-run";

GuardOptions with_token() {
  GuardOptions options;
  options.token = kToken;
  return options;
}

std::string basic(const std::string& user, const std::string& password) {
  return "Proxy-Authorization: Basic " + base64(user + ":" + password) + "\r\n";
}

std::string get(const std::string& place, const std::string& more) {
  return "GET http://" + place + "/ HTTP/1.1\r\nHost: " + place + "\r\n" + more + "\r\n";
}

std::string connect(const std::string& place, const std::string& more) {
  return "CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n" + more + "\r\n";
}

std::string socks_password(const std::string& user, const std::string& password) {
  return std::string("\x01") + static_cast<char>(user.size()) + user +
         static_cast<char>(password.size()) + password;
}

std::string socks_request(const std::string& name, uint16_t port) {
  std::string request("\x05\x01\x00\x03", 4);
  request += static_cast<char>(name.size());
  return request + name + static_cast<char>(port >> 8) + static_cast<char>(port & 0xff);
}

Upstream::Serve show_head() {
  return http_server([](const std::string& head, const std::string&) { return http_ok(head); });
}

bool refused_for_token(const RunningGuard& guard) {
  return guard.await_event(EventKind::kDenied, "proxy-token");
}

}  // namespace

TEST_CASE("guard: with the token requests pass, and it goes no further") {
  Upstream server(show_head());
  RunningGuard guard(allow({server.place()}), with_token());
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place(), basic("srt", kToken)));
  const std::string response = read_response(client);
  CHECK_THAT(response, StartsWith("HTTP/1.1 200"));
  CHECK_THAT(response, !Contains("Proxy-Authorization") && !Contains(base64("srt:" + kToken)));
}

TEST_CASE("guard: without the token nothing is reached, looked up or told") {
  Upstream server(show_head());
  RunningGuard guard(allow({server.place()}), with_token());
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  const std::string credentials = GENERATE(
      std::string(), basic("srt", "wrong"), basic("root", kToken), basic("srt", kToken + "x"),
      basic("srt", kToken.substr(1)), basic("srt", ""),
      "Proxy-Authorization: Bearer " + kToken + "\r\n", "Proxy-Authorization: Basic\r\n",
      "Authorization: Basic " + base64("srt:" + kToken) + "\r\n",
      basic("srt", kToken) + basic("srt", "wrong"), basic("srt", "wrong") + basic("srt", kToken));
  SECTION("a request, to a place that is allowed and to one that is not") {
    for (const std::string& place : {server.place(), std::string("evil.example")}) {
      client.send(get(place, credentials));
      const std::string response = read_response(client);
      CHECK_THAT(response, StartsWith("HTTP/1.1 407 "));
      CHECK_THAT(response, Contains("Proxy-Authenticate: Basic"));
      CHECK_THAT(response, !Contains("blocked"));  // the rules are nobody's business
    }
  }
  SECTION("CONNECT") {
    client.send(connect(server.place(), credentials));
    CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 407 "));
  }
  CHECK(refused_for_token(guard));
  CHECK(server.accepted() == 0);
  CHECK(guard.counts().allowed == 0);
}

TEST_CASE("guard: each request of a connection needs the token") {
  Upstream server(show_head());
  RunningGuard guard(allow({server.place()}), with_token());
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place(), basic("srt", kToken)));
  CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 200"));
  client.send(get(server.place(), ""));
  CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 407"));
}

TEST_CASE("guard: in a tunnel that was opened with the token, requests need none") {
  Upstream server(show_head());
  RunningGuard guard(allow({server.place()}), with_token());
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(connect(server.place(), basic("srt", kToken)));
  CHECK_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  client.send("GET / HTTP/1.1\r\nHost: " + server.place() + "\r\n\r\n");
  CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("guard: SOCKS with the token") {
  Upstream server(echo);
  RunningGuard guard(allow({server.place()}), with_token());
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  // Both methods are offered: the one without a password is not taken.
  client.send(std::string("\x05\x02\x00\x02", 4));
  CHECK(client.read_exactly(2) == std::string("\x05\x02", 2));
  SECTION("the right one") {
    client.send(socks_password("srt", kToken));
    CHECK(client.read_exactly(2) == std::string("\x01\x00", 2));
    client.send(socks_request("127.0.0.1", server.port()));
    CHECK(client.read_exactly(10).substr(0, 2) == std::string("\x05\x00", 2));
    client.send("\x01hello");
    client.finish();
    CHECK(client.read_all() == "\x01hello");
  }
  SECTION("a wrong one, and the request at once behind it") {
    const auto [user, password] =
        GENERATE(std::pair<std::string, std::string>("srt", "wrong"), std::pair("srt", ""),
                 std::pair("", ""), std::pair("root", "k3y-of-this-run"));
    client.send(socks_password(user, password) + socks_request("127.0.0.1", server.port()));
    CHECK(client.read_all() == std::string("\x01\x01", 2));
    CHECK(refused_for_token(guard));
    CHECK(server.accepted() == 0);
  }
}

TEST_CASE("guard: SOCKS without a password is refused where a token is asked for") {
  RunningGuard guard(allow({"127.0.0.1"}), with_token());
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(std::string("\x05\x01\x00", 3));
  CHECK(client.read_all() == std::string("\x05\xff", 2));
  CHECK(refused_for_token(guard));
}
