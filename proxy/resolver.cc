#include "proxy/resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "proxy/socket_address.h"

namespace srt::proxy {
namespace {

constexpr size_t kThreads = 4;
constexpr size_t kQueueLimit = 256;  // more lookups than that wait on nothing good
// A connection made to one address now and to another a moment later is normal; this only spares
// the lookups of a burst. Every dial judges the address that it dials.
constexpr auto kCacheTime = std::chrono::seconds(5);
constexpr size_t kCacheLimit = 1024;

Resolver::Answer look_up(const std::string& name) {
  // What was judged is what is asked for: a name of few dots (options ndots), or one that does not exist, must not
  // become one below a domain of the search list. That is for names without a dot, which mean nothing else.
  if (!use_search_list(name.find('.') == std::string::npos))
    return {Resolver::Failure::kTemporary, {}};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(name.c_str(), nullptr, &hints, &list);
  Resolver::Answer answer;
  if (error != 0) {
    const bool none = error == EAI_NONAME || error == EAI_NODATA;
    answer.failure = none ? Resolver::Failure::kNoSuchName : Resolver::Failure::kTemporary;
    return answer;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (auto endpoint = endpoint_of(*entry->ai_addr)) answer.addresses.push_back(endpoint->address);
  }
  freeaddrinfo(list);
  if (answer.addresses.empty()) answer.failure = Resolver::Failure::kNoSuchName;
  return answer;
}

}  // namespace

struct Resolver::Query {
  std::string name;
  Answer answer;
  bool done = false;                           // on the loop's thread only
  std::shared_ptr<net::steady_timer> waiting;  // on the loop's thread only
};

struct Resolver::Shared {
  std::mutex mutex;
  std::condition_variable work;
  std::deque<std::shared_ptr<Query>> queue;
  size_t idle = 0;                // threads that wait for work
  net::io_context* io = nullptr;  // null: the resolver is gone

  void serve() {
    std::unique_lock lock(mutex);
    while (true) {
      ++idle;
      work.wait(lock, [&] { return io == nullptr || !queue.empty(); });
      --idle;
      if (io == nullptr) return;
      std::shared_ptr<Query> query = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      Answer answer = look_up(query->name);
      lock.lock();
      if (io == nullptr) return;
      net::post(*io, [query = std::move(query), answer = std::move(answer)]() mutable {
        query->answer = std::move(answer);
        query->done = true;
        query->waiting->cancel();
      });
    }
  }
};

Resolver::Resolver(net::io_context& io) : shared_(std::make_shared<Shared>()) { shared_->io = &io; }

bool Resolver::add_thread() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);  // signals are for the thread that waits for them
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([shared = shared_] { shared->serve(); }).detach();
    ++threads_;
  } catch (const std::system_error&) {
    // those that there are do it all
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return threads_ > 0;
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->io = nullptr;
  shared_->queue.clear();
  shared_->work.notify_all();
}

void Resolver::remember(const std::string& name, const std::vector<IpAddress>& addresses) {
  if (cache_.size() >= kCacheLimit) cache_.clear();
  cache_[name] = Cached{Clock::now() + kCacheTime, addresses};
}

Awaitable<Resolver::Answer> Resolver::resolve(std::string name,
                                              std::shared_ptr<net::steady_timer> waiting) {
  if (const auto cached = cache_.find(name); cached != cache_.end()) {
    if (Clock::now() < cached->second.until) {
      co_return Answer{Failure::kNone, cached->second.addresses};
    }
    cache_.erase(cached);
  }
  auto query = std::make_shared<Query>();
  query->name = name;
  query->waiting = waiting;
  bool too_few = false;
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->queue.size() >= kQueueLimit) co_return Answer{Failure::kBusy, {}};
    too_few = shared_->idle <= shared_->queue.size();
  }
  if (too_few && threads_ < kThreads && !add_thread()) co_return Answer{Failure::kBusy, {}};
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->queue.push_back(query);
    shared_->work.notify_one();
  }
  co_await waiting->async_wait(kTuple);
  if (!query->done) co_return Answer{Failure::kTemporary, {}};
  if (query->answer.failure == Failure::kNone) remember(name, query->answer.addresses);
  co_return std::move(query->answer);
}

}  // namespace srt::proxy
