// What tests of tunnels share: ways into one, and a server that keeps what comes out.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"

namespace srt::proxy::tests {

// By CONNECT, which must be answered with 200.
Peer connect_through(RunningGuard& guard, const std::string& place);

// By a name, without authentication (RFC 1928).
std::string socks_request(uint8_t command, const std::string& name, uint16_t port);
// The code of the reply.
int socks_reply(Peer& client);

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

}  // namespace srt::proxy::tests
