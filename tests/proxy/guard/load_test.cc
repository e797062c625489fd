// Bytes by the megabyte, connections by the thousand.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <random>

#include <catch2/catch.hpp>

#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::StartsWith;

namespace {

constexpr uint64_t kSize = 64 << 20;

enum class Through { kConnect, kSocks, kCapture };

Peer open_tunnel(RunningGuard& guard, Through way, uint16_t port) {
  if (way == Through::kCapture) return Peer::connect(RunningGuard::kCaptured, port);
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  const std::string place = "localhost:" + std::to_string(port);
  if (way == Through::kConnect) {
    client.send("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
    client.read_until("\r\n\r\n");
  } else {
    client.send(std::string("\x05\x01\x00\x05\x01\x00\x03\x09localhost", 17) +
                static_cast<char>(port >> 8) + static_cast<char>(port & 0xff));
    client.read_exactly(12);
  }
  return client;
}

}  // namespace

TEST_CASE("guard: 64 MiB pass each tunnel unchanged, both directions at once") {
  std::atomic<bool> arrived = false;
  Upstream server([&](Peer peer) {
    peer.read_exactly(1);
    std::thread down([&] { send_pattern(peer, kSize); });
    arrived = read_pattern(peer, kSize);
    down.join();
  });
  const auto way = GENERATE(Through::kConnect, Through::kSocks, Through::kCapture);
  auto guard =
      RunningGuard::capturing(server.port(), allow({"localhost:" + std::to_string(server.port())}));
  Peer client = open_tunnel(*guard, way, server.port());
  client.send("\x01");
  std::thread up([&] { send_pattern(client, kSize); });
  CHECK(read_pattern(client, kSize));
  up.join();
  client.finish();
  CHECK(client.read_all().empty());
  CHECK(arrived);
  CHECK(guard->await_event([](const AuditEvent& event) {
    return event.kind == EventKind::kEnded && event.bytes_up == kSize + 1 &&
           event.bytes_down == kSize;
  }));
}

TEST_CASE("guard: where no pipe can be had, bytes pass through buffers") {
  std::atomic<bool> arrived = false;
  Upstream server([&](Peer peer) {
    peer.send(peer.read_exactly(1));
    arrived = read_pattern(peer, kSize);
    peer.send("\x02");
  });
  RunningGuard guard(allow({"localhost:" + std::to_string(server.port())}));
  Peer client = open_tunnel(guard, Through::kConnect, server.port());
  client.send("\x01");
  REQUIRE(client.read_exactly(1) == "\x01");  // everybody has the descriptors that they need
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool sent = send_pattern(client, kSize);
  const std::string last = client.read_exactly(1);
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(sent);
  CHECK(last == "\x02");
  CHECK(arrived);
}

TEST_CASE("guard: 64 MiB pass as the body of a request and of its answer") {
  Upstream server([](Peer peer) {
    peer.read_until("\r\n\r\n");
    const bool whole = read_pattern(peer, kSize);
    peer.send("HTTP/1.1 " + std::string(whole ? "200 OK" : "500 Broken") +
              "\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    send_pattern(peer, kSize);
  });
  RunningGuard guard(allow({server.place()}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("POST http://" + server.place() + "/ HTTP/1.1\r\nHost: " + server.place() +
              "\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
  REQUIRE(send_pattern(client, kSize));
  CHECK_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  CHECK(read_pattern(client, kSize));
}

TEST_CASE("guard: a receiver that does not read holds its sender, not the guard's memory") {
  constexpr uint64_t kMuch = 256 << 20;
  std::atomic<bool> go = false;
  Upstream server([&](Peer peer) {
    peer.read_exactly(1);
    go.wait(false);
    read_pattern(peer, kSize);
  });
  RunningGuard guard(allow({"localhost:" + std::to_string(server.port())}));
  Peer client = open_tunnel(guard, Through::kConnect, server.port());
  client.send("\x01");
  const timeval brief{0, 300000};
  setsockopt(client.fd(), SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof brief);
  uint64_t taken = 0;
  std::string piece(1 << 20, '\0');
  while (taken < kMuch) {
    fill_pattern(piece.data(), piece.size(), taken);
    const ssize_t size = ::send(client.fd(), piece.data(), piece.size(), MSG_NOSIGNAL);
    if (size <= 0) break;
    taken += static_cast<uint64_t>(size);
    if (static_cast<size_t>(size) < piece.size()) break;
  }
  CHECK(taken < kSize);  // socket buffers, and a pipe
  go = true;
  go.notify_all();
}

TEST_CASE("guard: 2000 connections with random resets leave nothing behind") {
  Upstream server([](Peer peer) {
    const std::string first = peer.read_exactly(1);
    if (first == "\x02") return peer.reset();
    peer.send(std::string(1000, 'x'));
    if (first == "\x03") return;
    echo(std::move(peer));
  });
  auto guard =
      RunningGuard::capturing(server.port(), allow({"localhost:" + std::to_string(server.port())}));
  {  // pools fill with the first ones
    Peer warm = open_tunnel(*guard, Through::kConnect, server.port());
  }
  REQUIRE(guard->await_no_connections());
  const size_t before = open_descriptors();
  constexpr int kThreads = 4, kEach = 500;
  std::vector<std::thread> clients;
  for (int t = 0; t < kThreads; ++t) {
    clients.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t) + 1);
      for (int i = 0; i < kEach; ++i) {
        Peer client = open_tunnel(*guard, static_cast<Through>(random() % 3), server.port());
        if (random() % 8 == 0) {
          client.reset();
          continue;
        }
        client.send(std::string(1, static_cast<char>(1 + random() % 3)));
        if (random() % 2 == 0) client.read_exactly(random() % 1000);
        if (random() % 2 == 0) client.reset();
      }
    });
  }
  for (std::thread& thread : clients) thread.join();
  CHECK(guard->await_no_connections());
  const auto settled = [&] { return open_descriptors() <= before; };
  for (int i = 0; i < 1000 && !settled(); ++i) std::this_thread::yield();
  CHECK(open_descriptors() <= before);
  // Every connection that was allowed has its end in the audit.
  size_t allowed = 0, ended = 0;
  for (const AuditEvent& event : guard->events()) {
    allowed += event.kind == EventKind::kAllowed;
    ended += event.kind == EventKind::kEnded;
  }
  CHECK(allowed > 1000);
  CHECK(allowed == ended);
}

TEST_CASE("guard: without descriptors it waits, neither spinning nor ending") {
  Upstream server(echo);
  RunningGuard guard(allow({"localhost:" + std::to_string(server.port())}));
  { Peer warm = open_tunnel(guard, Through::kConnect, server.port()); }
  REQUIRE(guard.await_no_connections());
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const auto cpu_ms = [] {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
  };
  Peer client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const rlimit none{static_cast<rlim_t>(client.fd()) + 1, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(guard.proxy_port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected = ::connect(client.fd(), reinterpret_cast<sockaddr*>(&to), sizeof to);
  const auto start = cpu_ms();
  std::this_thread::sleep_for(std::chrono::milliseconds(400));  // time in which it could spin
  const auto used = cpu_ms() - start;
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(connected == 0);
  CHECK(used < 100);
  client.send("GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  CHECK_THAT(read_response(client), StartsWith("HTTP/1.1 403"));
}

TEST_CASE("guard: when the last of many has gone it says so, once") {
  std::atomic<int> told = 0;
  GuardOptions options;
  options.quiet = [&] { ++told; };
  RunningGuard guard(allow({}), options);
  const auto crowd = [&](size_t size) {
    std::vector<Peer> clients;
    for (size_t i = 0; i < size; ++i) {
      clients.push_back(Peer::connect("127.0.0.1", guard.proxy_port()));
      clients.back().send("GET ");
    }
    while (guard.counts().open < size) std::this_thread::yield();
    clients.clear();
    REQUIRE(guard.await_no_connections());
    (void)guard.counts();  // what was posted before this has run
  };
  crowd(200);
  CHECK(told == 1);
  crowd(3);
  CHECK(told == 1);
}
