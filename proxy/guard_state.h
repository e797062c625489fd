// What all connections of one guard share. Lives as long as the last of them: the Guard itself may
// go first, and then nothing is reported or accepted any more.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "proxy/access_token.h"
#include "proxy/asio.h"
#include "proxy/decision.h"
#include "proxy/guard.h"
#include "proxy/own_addresses.h"
#include "proxy/resolver.h"
#include "proxy/splice_pipe.h"
#include "proxy/synthetic_addresses.h"
#include "proxy/tls_service.h"
#include "proxy/unix_connector.h"

namespace srt::proxy {

class Connection;

// Not written before it is used: a guard that nothing passes through does without its pages.
class Scratch {
 public:
  char* data() { return bytes_.get(); }
  static constexpr size_t size() { return 256 * 1024; }

 private:
  std::unique_ptr<char[]> bytes_{new char[size()]};
};

struct GuardState : std::enable_shared_from_this<GuardState> {
  GuardState(net::io_context& loop, EgressPolicy rules, GuardOptions limits, Guard::Sink events);

  net::io_context& io;
  EgressPolicy policy;
  const GuardOptions options;
  const AccessToken token;
  UnixConnector connector;
  Guard::Sink sink;
  bool stopped = false;

  Guard::Counts counts;
  uint64_t next_connection = 1;
  std::list<Connection*> connections;
  std::unordered_map<std::string, size_t> per_destination;

  SyntheticAddresses synthetic;
  OwnAddresses own;
  Resolver resolver;
  PipePool pipes;
  TlsService tls;
  size_t terminated = 0;  // tunnels that hold a place of maxTunnels
  // Bytes pass through here between two system calls; nobody keeps it over a co_await.
  Scratch scratch;

  std::list<Connection*>::iterator join(Connection* connection);
  void leave(std::list<Connection*>::iterator place) noexcept;

  void report(AuditEvent event);  // stamps, counts and hands to the sink

  // One timer for all deadlines: a connection costs none of its own. Granularity 100 ms.
  void watch(Clock::time_point deadline);

  void stop();
  void apply(EgressPolicy changed, int new_connector);

 private:
  void sweep();
  size_t most_at_once_ = 0;  // since it was quiet
  net::steady_timer sweeper_;
  Clock::time_point next_sweep_ = Clock::time_point::max();
};

}  // namespace srt::proxy
