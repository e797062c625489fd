// What happens between an allowing verdict and a connection that stands.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "proxy/ip_address.h"
#include "proxy/socket_address.h"
#include "tests/proxy/guard/listeners.h"
#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;
using Catch::Matchers::StartsWith;

namespace {

// A proxy that is asked for a tunnel, and answers when it is told to: the guard dials until then.
class SlowProxy {
 public:
  SlowProxy()
      : server_([this](Peer peer) {
          const std::string head = peer.read_until("\r\n\r\n");
          say(Stage::kAsked);
          bool go = false;
          await([&] {
            go = stage_ == Stage::kAnswered;
            return stage_ != Stage::kAsked;
          });
          if (go) peer.send("HTTP/1.1 200 OK\r\n\r\n");
          const std::string rest = peer.read_all();
          {
            const std::lock_guard lock(mutex_);
            rest_ = rest;
          }
          say(Stage::kEnded);
        }) {}

  ~SlowProxy() { say(Stage::kLeft); }

  EgressPolicy used_by(EgressPolicy policy) const {
    policy.parent_https = ParentProxy{"127.0.0.1", server_.port(), ""};
    return policy;
  }
  bool asked() {
    return await([this] { return stage_ == Stage::kAsked; });
  }
  void answer() { say(Stage::kAnswered); }
  // What came after the question; "?" if the connection does not end.
  std::string rest() {
    return await([this] { return stage_ == Stage::kEnded; }) ? rest_ : "?";
  }

 private:
  enum class Stage { kWaiting, kAsked, kAnswered, kLeft, kEnded };
  void say(Stage stage) {
    const std::lock_guard lock(mutex_);
    if (stage_ != Stage::kEnded) stage_ = stage;
    changed_.notify_all();
  }
  template <class Condition>
  bool await(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Stage stage_ = Stage::kWaiting;
  std::string rest_;
  Upstream server_;
};

// A port of 127.0.0.1 whose queue of connections is full: the next one stands once drain() was called.
class FullPort {
 public:
  FullPort() : fd_(listen_tcp({*IpAddress::parse("127.0.0.1"), 0})) {
    REQUIRE(fd_ >= 0);
    REQUIRE(listen(fd_, 0) == 0);
    port_ = local_endpoint(fd_)->port;
    fillers_.push_back(Peer::connect("127.0.0.1", port_));
  }
  ~FullPort() { close(fd_); }

  std::string place() const { return "127.0.0.1:" + std::to_string(port_); }
  uint16_t port() const { return port_; }
  // Whether somebody's SYN waits to be answered (proc_net_tcp: state 02).
  bool is_dialled() const {
    char wanted[32];
    std::snprintf(wanted, sizeof wanted, " 0100007F:%04X 02 ", port_);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end) {
      std::ifstream table("/proc/net/tcp");
      for (std::string line; std::getline(table, line);) {
        if (line.find(wanted) != line.npos) return true;
      }
      std::this_thread::yield();
    }
    return false;
  }
  // What the dialler sends once it is let in, until it closes.
  std::string drain() {
    close(accept(fd_, nullptr, nullptr));
    Peer second(accept(fd_, nullptr, nullptr));
    return second.read_all();
  }

 private:
  int fd_;
  uint16_t port_ = 0;
  std::vector<Peer> fillers_;
};

std::string connect_request(const std::string& place) {
  return "CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n";
}

}  // namespace

TEST_CASE(
    "guard: a destination that is denied while it is dialled gets no byte, and the client a "
    "denial") {
  SlowProxy proxy;
  RunningGuard guard(proxy.used_by(allow({"a.example", "b.example"})));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(connect_request("a.example:22") + "SSH-2.0-early\r\n");
  REQUIRE(proxy.asked());
  SECTION("denied") {
    guard.replace_policy(proxy.used_by(allow({"b.example"})));
    proxy.answer();
    CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 403 "));
    CHECK(proxy.rest().empty());
    CHECK(guard.await_event(EventKind::kDenied, "policy-changed"));
    CHECK(guard.counts().allowed == 0);
  }
  SECTION("still allowed") {
    guard.replace_policy(proxy.used_by(allow({"a.example"})));
    proxy.answer();
    CHECK_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
    client.finish();
    CHECK(proxy.rest() == "SSH-2.0-early\r\n");
  }
}

TEST_CASE("guard: an address that is denied while it is dialled gets no byte") {
  FullPort server;
  const std::string place = "localhost:" + std::to_string(server.port());
  RunningGuard guard(allow({place}));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(connect_request(place) + "SSH-2.0-early\r\n");
  REQUIRE(server.is_dialled());
  EgressPolicy changed = allow({place});  // the name is allowed as before
  changed.denied_addresses.push_back(*IpNetwork::parse("127.0.0.0/8"));
  guard.replace_policy(changed);
  CHECK(server.drain().empty());
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 403 "));
  CHECK(guard.await_event(EventKind::kDenied, "policy-changed"));
}

TEST_CASE("guard: a client that is reset while its destination is dialled ends the dial") {
  SlowProxy proxy;
  RunningGuard guard(proxy.used_by(allow({"a.example"})));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(connect_request("a.example:22"));
  REQUIRE(proxy.asked());
  client.reset();
  CHECK(guard.await_event(EventKind::kFailed, "client-left"));
  CHECK(guard.await_no_connections());
}

TEST_CASE("guard: a client that goes away from a request while it is dialled ends the dial") {
  FullPort server;
  RunningGuard guard(allow({server.place()}));
  {
    Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
    client.send("GET http://" + server.place() + "/ HTTP/1.1\r\nHost: " + server.place() +
                "\r\n\r\n");
    REQUIRE(server.is_dialled());
  }
  CHECK(guard.await_event(EventKind::kFailed, "client-left"));
  CHECK(guard.await_no_connections());
}

TEST_CASE("guard: a client that closed only its half while it is dialled is served all the same") {
  SlowProxy proxy;
  RunningGuard guard(proxy.used_by(allow({"a.example"})));
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send(connect_request("a.example:22"));
  client.finish();
  REQUIRE(proxy.asked());
  proxy.answer();
  CHECK_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}
