// Names to addresses with the host's own resolver (nsswitch, /etc/hosts), off the loop's thread:
// there is no asynchronous getaddrinfo(3) that honours nsswitch.
//
// A thread starts when a lookup finds none that is idle, up to four: most programs look up nothing, and a
// program that confines itself must leave clone(2) to this one. Threads cannot be interrupted inside
// getaddrinfo; what they share with the loop outlives both sides.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/asio.h"
#include "proxy/ip_address.h"

namespace srt::proxy {

class Resolver {
 public:
  explicit Resolver(net::io_context& io);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  enum class Failure { kNone, kNoSuchName, kTemporary, kBusy };
  struct Answer {
    Failure failure = Failure::kNone;
    std::vector<IpAddress> addresses;  // in the order of RFC 6724
  };
  // `waiting` is cancelled when the answer is there; whoever cancels it earlier gives up on the
  // answer.
  Awaitable<Answer> resolve(std::string name, std::shared_ptr<net::steady_timer> waiting);

 private:
  struct Query;
  struct Shared;
  struct Cached {
    Clock::time_point until;
    std::vector<IpAddress> addresses;
  };
  void remember(const std::string& name, const std::vector<IpAddress>& addresses);
  bool add_thread();  // false: there is none at all

  std::shared_ptr<Shared> shared_;
  size_t threads_ = 0;
  std::unordered_map<std::string, Cached> cache_;
};

// Whether the calling thread's next getaddrinfo(3) may complete a name by the search list of resolv.conf. False: it
// could not be said. Per platform: proxy/linux/, proxy/darwin/.
bool use_search_list(bool use);

}  // namespace srt::proxy
