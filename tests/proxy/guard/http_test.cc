// Plain HTTP requests through the proxy port.
#include <cerrno>
#include <future>

#include <catch2/catch.hpp>

#include "proxy/http_head.h"
#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

Upstream::Serve show_head() {
  return http_server(
      [](const std::string& head, const std::string& body) { return http_ok(head + body); });
}

std::string get(const std::string& place, const std::string& more = {}) {
  return "GET http://" + place + "/x?y=1 HTTP/1.1\r\nHost: " + place + "\r\n" + more + "\r\n";
}

std::string fields(size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += "a:\r\n";
  return all;
}

std::string joined_chunks(const std::string& body) {
  std::string joined;
  size_t place = 0;
  while (place < body.size()) {
    const size_t line = body.find("\r\n", place);
    const size_t size = std::stoul(body.substr(place), nullptr, 16);
    joined += body.substr(line + 2, size);
    place = line + 2 + size + 2;
  }
  return joined;
}

}  // namespace

TEST_CASE("guard: an allowed request arrives in origin form without what was meant for the proxy") {
  Upstream server(show_head());
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place(),
                  "Proxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: keep-alive\r\n"
                  "Connection: X-Mine\r\nX-Mine: 1\r\nX-Kept: 2\r\n"));
  const std::string response = read_response(client);
  CHECK_THAT(response, StartsWith("HTTP/1.1 200"));
  CHECK_THAT(response, Contains("GET /x?y=1 HTTP/1.1\r\nHost: " + server.place() + "\r\n"));
  CHECK_THAT(response, Contains("X-Kept: 2"));
  CHECK_THAT(response, !Contains("Proxy-") && !Contains("X-Mine"));
  CHECK(guard.await_event(EventKind::kEnded));
  CHECK(guard.events().front().kind == EventKind::kAllowed);
}

TEST_CASE("guard: headers that are to be stripped do not come back, however they are spelled") {
  Upstream server(http_server([](const std::string&, const std::string&) {
    return "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset_cookie: b\r\nSET.COOKIE: c\r\nSet-Cookie2: "
           "kept\r\n"
           "X-Kept: 1\r\nContent-Length: 4\r\n\r\nbody";
  }));
  EgressPolicy policy = allow({server.place()});
  policy.stripped_headers = {folded_header("Set_Cookie")};
  RunningGuard guard(policy);
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place()));
  const std::string response = read_response(client);
  CHECK_THAT(response, StartsWith("HTTP/1.1 200 ") && Contains("X-Kept: 1") && Contains("body") &&
                           Contains("Set-Cookie2: kept"));
  for (const char* stripped : {"Cookie: a", "cookie: b", "COOKIE: c"}) {
    CHECK_THAT(response, !Contains(stripped));
  }
}

TEST_CASE("guard: a name below localhost is this host, whatever a resolver says") {
  Upstream server(show_head());
  const std::string place = "app.localhost:" + std::to_string(server.port());
  RunningGuard guard(allow({place}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(place));
  CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 200 ") && Contains("Host: " + place));
}

TEST_CASE("guard: a denied request gets a legible 403, and the event is there before it") {
  RunningGuard guard(allow({"good.example"}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get("evil.example"));
  const std::string response = read_response(client);
  REQUIRE(guard.events().size() == 1);
  CHECK(guard.events()[0].kind == EventKind::kDenied);
  CHECK(guard.events()[0].host == "evil.example");
  CHECK_THAT(response, StartsWith("HTTP/1.1 403 ") &&
                           Contains("X-Proxy-Error: blocked-by-allowlist\r\n") &&
                           Contains("evil.example:80") && Contains("network.allowedDomains"));
}

TEST_CASE("guard: requests of one connection are decided one by one, pipelined ones in order") {
  Upstream server(show_head());
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place()) + get("evil.example") + get(server.place()) +
              get("evil.example") + get(server.place()));
  for (const char* status : {"200", "403", "200", "403", "200"}) {
    CHECK_THAT(read_response(client), StartsWith(std::string("HTTP/1.1 ") + status));
  }
  CHECK(server.accepted() == 1);  // and the server's connection is kept
}

TEST_CASE("guard: a client that sends single bytes is served, by request and by CONNECT") {
  Upstream server(show_head());
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send_byte_by_byte(get(server.place()));
  CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 200"));
  client.send_byte_by_byte("CONNECT " + server.place() + " HTTP/1.1\r\nHost: " + server.place() +
                           "\r\n\r\n");
  CHECK_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  client.send_byte_by_byte("GET /in HTTP/1.1\r\nHost: " + server.place() + "\r\n\r\n");
  CHECK_THAT(read_response(client), Contains("GET /in HTTP/1.1"));
}

TEST_CASE("guard: chunked bodies are framed anew in both directions") {
  Upstream server([](Peer peer) {
    peer.read_until("\r\n\r\n");
    const std::string body = peer.read_until("0\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer.send_byte_by_byte("5;ext=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n");
    peer.read_until("\r\n\r\n");
    peer.send(http_ok(body));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("POST http://" + server.place() + "/ HTTP/1.1\r\nHost: " + server.place() +
              "\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("3;smuggle=\"x\"\r\nabc\r\n0\r\n\r\n");
  client.read_until("\r\n\r\n");
  const std::string body = client.read_until("0\r\n\r\n");
  CHECK(joined_chunks(body) == "hello");
  CHECK_THAT(body, !Contains("ext") && !Contains("Trailer"));
  client.send(get(server.place()));
  CHECK_THAT(read_response(client), Contains("3\r\nabc\r\n0\r\n\r\n"));
}

TEST_CASE("guard: an HTTP/1.0 client gets a chunked answer as plain bytes") {
  Upstream server([](Peer peer) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    peer.read_all();
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("GET http://" + server.place() + "/ HTTP/1.0\r\n\r\n");
  CHECK_THAT(client.read_all(), Catch::Matchers::EndsWith("\r\n\r\nhello"));
}

TEST_CASE("guard: Expect: 100-continue is between client and server") {
  Upstream server([](Peer peer) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    peer.send(http_ok(peer.read_exactly(4)));
    peer.read_all();
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("PUT http://" + server.place() + "/ HTTP/1.1\r\nHost: " + server.place() +
              "\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 100"));
  client.send("body");
  CHECK_THAT(read_response(client), Catch::Matchers::EndsWith("body"));
}

TEST_CASE("guard: an answer that comes before the request's end is not lost") {
  Upstream server([](Peer peer) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("PUT http://" + server.place() + "/ HTTP/1.1\r\nHost: " + server.place() +
              "\r\nContent-Length: 100000000\r\n\r\npart");
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 413"));
}

TEST_CASE("guard: a WebSocket upgrade becomes a tunnel") {
  Upstream server([](Peer peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    if (head.find("Upgrade: websocket") == std::string::npos) return;
    peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "\r\nfirst");
    echo(std::move(peer));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(
      get(server.place(), "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"));
  const std::string head = client.read_until("\r\n\r\n");
  CHECK_THAT(head, StartsWith("HTTP/1.1 101") && Contains("Upgrade: websocket"));
  CHECK(client.read_exactly(5) == "first");
  client.send("\x81\x02hi");
  CHECK(client.read_exactly(4) == "\x81\x02hi");
}

TEST_CASE("guard: malformed and ambiguous requests are refused and reach nobody") {
  Upstream server(show_head());
  RunningGuard guard(allow({server.place()}));
  const std::string place = server.place();
  const auto [request, status] = GENERATE_COPY(table<std::string, std::string>({
      {"GET http://" + place + "/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"},
      {"GET http://" + place + "/ HTTP/1.1\r\nHost: " + place + "\r\nHost: x\r\n\r\n", "400"},
      {"GET http://" + place + "/ HTTP/1.1\r\n\r\n", "400"},
      {"GET http://u@" + place + "/ HTTP/1.1\r\nHost: " + place + "\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: " + place + "\r\n\r\n", "400"},
      {"GET http://" + place + "/ HTTP/1.1\nHost: " + place + "\n\n", "400"},
      {"GET http://" + place + "/ HTTP/1.1\r\nHost: " + place + "\r\n folded\r\n\r\n", "400"},
      {"POST http://" + place + "/ HTTP/1.1\r\nHost: " + place +
           "\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"GET http://" + place + "/ HTTP/2.0\r\nHost: " + place + "\r\n\r\n", "400"},
      {"GET http://" + place + "/ HTTP/1.1\r\nHost: " + place +
           "\r\nX: " + std::string(70000, 'x') + "\r\n\r\n",
       "431"},
      {"GET http://" + place + "/ HTTP/1.1\r\nHost: " + place + "\r\n" + fields(kMostFields) +
           "\r\n",
       "431"},
  }));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(request);
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 " + status));
  CHECK(guard.await_event(EventKind::kDenied));
  CHECK(server.accepted() == 0);
}

TEST_CASE("guard: a chunked body that cannot be read is the client's fault, and ends there") {
  Upstream server([](Peer peer) { peer.read_all(); });
  RunningGuard guard(allow({server.place()}));
  const std::string chunks =
      GENERATE(as<std::string>(), "zz\r\nabc\r\n0\r\n\r\n", "3\r\nabcdef\r\n",
               "fffffffffffffffff\r\n", "-1\r\n", "3\nabc\n0\n\n", "3\r\nabc\r\n0\n\n",
               "3\r\nabc\n0\r\n\r\n", "0\r\nTrailer: x\n\n", "3;x\n");
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("POST http://" + server.place() + "/ HTTP/1.1\r\nHost: " + server.place() +
              "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks);
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 400"));
  CHECK(guard.await_event(EventKind::kFailed, "malformed-body"));
}

TEST_CASE("guard: as many header fields as anybody needs pass, and not more") {
  const size_t count = GENERATE(kMostFields - 2, kMostFields + 1);
  Upstream server([count](Peer peer) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + fields(count) + "\r\n");
    peer.read_all();
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place(), fields(kMostFields - 2)));
  CHECK_THAT(client.read_until("\r\n\r\n"),
             StartsWith(count < kMostFields ? "HTTP/1.1 200" : "HTTP/1.1 502"));
}

TEST_CASE("guard: an answer that nobody asked for is not that of the next request") {
  Upstream server([](Peer peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    const std::string answer = http_ok(head.substr(0, head.find(' ')));
    peer.send(answer + (head.starts_with("GET") ? http_ok("unasked for") : ""));
    peer.read_all();
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place()));
  CHECK_THAT(read_response(client), Catch::Matchers::EndsWith("GET"));
  client.send("OPTIONS http://" + server.place() + "/ HTTP/1.1\r\nHost: " + server.place() +
              "\r\n\r\n");
  CHECK_THAT(read_response(client), Catch::Matchers::EndsWith("OPTIONS"));
}

TEST_CASE("guard: failures upstream are 502 and 504, and name no address") {
  Upstream silent([](Peer peer) { peer.read_all(); });
  Upstream nonsense([](Peer peer) {
    peer.read_until("\r\n\r\n");
    peer.send("I am no HTTP server\r\n\r\n");
  });
  Upstream gone([](Peer peer) { peer.read_until("\r\n\r\n"); });
  uint16_t closed = 0;
  {
    Upstream nobody(echo);
    closed = nobody.port();
  }
  const std::vector<std::pair<uint16_t, std::string>> cases = {
      {silent.port(), "504"}, {nonsense.port(), "502"}, {gone.port(), "502"}, {closed, "502"}};
  const auto& [port, status] = cases[GENERATE(0U, 1U, 2U, 3U)];
  GuardOptions options;  // only who never answers is given little time: a busy machine is slow, too
  if (port == silent.port()) options.response = std::chrono::milliseconds(200);
  RunningGuard guard(allow({"localhost"}), options);
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get("localhost:" + std::to_string(port)));
  const std::string response = read_response(client);
  CHECK_THAT(response, StartsWith("HTTP/1.1 " + status) && !Contains("127.0.0.1"));
  CHECK(guard.await_event(EventKind::kFailed));
}

TEST_CASE("guard: an address that was denied meanwhile is not asked again over an old connection") {
  Upstream server(
      http_server([](const std::string&, const std::string&) { return http_ok("here"); }));
  const std::string place = "localhost:" + std::to_string(server.port());
  RunningGuard guard(allow({place}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  const std::string request = "GET http://" + place + "/ HTTP/1.1\r\nHost: " + place + "\r\n\r\n";
  client.send(request);
  REQUIRE_THAT(read_response(client), StartsWith("HTTP/1.1 200 "));
  REQUIRE(guard.await_event(EventKind::kEnded));  // nothing that an update could cut
  EgressPolicy changed = allow({place});
  changed.denied_addresses.push_back(*IpNetwork::parse("127.0.0.0/8"));
  changed.denied_addresses.push_back(*IpNetwork::parse("::1"));
  guard.replace_policy(changed);
  client.send(request);
  CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 403 "));
}

TEST_CASE("guard: a client that leaves while its answer is awaited frees the destination at once") {
  const auto [version, body, reset] = GENERATE(table<std::string, std::string, bool>(
      {{"1.1", "", false}, {"1.1", "", true}, {"1.1", "body", false}, {"1.0", "", true}}));
  std::promise<void> asked, freed;
  Upstream server([&](Peer peer) {
    peer.read_until("\r\n\r\n");
    asked.set_value();
    peer.read_all();  // at most 10 s, where the answer has 120
    if (peer.last_error() == 0 || peer.last_error() == ECONNRESET) freed.set_value();
  });
  RunningGuard guard(allow({server.place()}));
  {
    Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
    client.send("POST http://" + server.place() + "/ HTTP/" + version +
                "\r\nHost: " + server.place() +
                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    asked.get_future().wait();
    if (reset) client.reset();
  }
  CHECK(freed.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  CHECK(guard.await_event(EventKind::kEnded));
  CHECK(guard.await_no_connections());
}

TEST_CASE(
    "guard: a client that leaves in the middle of an answer that pauses frees the destination") {
  std::promise<void> freed;
  Upstream server([&](Peer peer) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning");
    peer.read_all();
    if (peer.last_error() == 0 || peer.last_error() == ECONNRESET) freed.set_value();
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place()));
  client.read_until("the beginning");
  client.reset();
  CHECK(freed.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  CHECK(guard.await_no_connections());
}

TEST_CASE("guard: a client that has closed only its half gets its answer, however late") {
  std::promise<void> go;
  Upstream server([&](Peer peer) {
    peer.read_until("\r\n\r\n");
    go.get_future().wait();
    peer.send(http_ok("late"));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(get(server.place()));
  client.finish();
  CHECK_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 100"));  // it is asked, once
  go.set_value();
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 200") && Catch::Matchers::EndsWith("late"));
}

TEST_CASE("guard: a kept connection that the server has closed is replaced unnoticed") {
  Upstream server([](Peer peer) {
    peer.read_until("\r\n\r\n");
    peer.send(http_ok("once"));
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  for (int i = 0; i < 20; ++i) {
    client.send(get(server.place()));
    REQUIRE_THAT(read_response(client), Catch::Matchers::EndsWith("once"));
  }
  CHECK(server.accepted() == 20);
}

TEST_CASE("guard: a head that does not get ready is answered 408 when its time is over") {
  GuardOptions options;
  options.handshake = std::chrono::seconds(1);
  RunningGuard guard(allow({}), options);
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("GET http://a.example/ HTTP/1.1\r\nX-Slow");
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 408"));
  Peer silent = Peer::connect("127.0.0.1", guard.proxy_port());
  CHECK(silent.read_all().empty());
  CHECK(silent.last_error() == 0);
  CHECK(guard.await_no_connections());
}
