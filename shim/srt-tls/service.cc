#include "shim/srt-tls/service.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

namespace srt::tls {
namespace {

constexpr uint64_t kGuard = 0;  // the number of the events of the guard's socket
constexpr uint64_t kPlain = 1;  // added to a leg's number
constexpr auto kGranularity = std::chrono::milliseconds(100);

struct Received {
  ssize_t size = 0;
  std::vector<UniqueFd> sockets;
};

Received receive(int guard, std::string& packet) {
  iovec io{packet.data(), packet.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 4)];
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  Received received;
  received.size = recvmsg(guard, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received.size < 0) return received;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      received.sockets.emplace_back(fd);
    }
  }
  return received;
}

}  // namespace

Result<Service> Service::make(int guard, Sessions sessions) {
  Service service(guard, std::move(sessions));
  service.epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  service.packet_.resize(proxy::kLargestTlsPacket);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kGuard;
  if (!service.epoll_ || epoll_ctl(service.epoll_.get(), EPOLL_CTL_ADD, guard, &event) != 0) {
    return fail_errno("srt-tls", "epoll");
  }
  return service;
}

bool Service::watch(int socket, uint64_t number) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = number;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) == 0;
}

// The guard never waits for us, so that this never waits for long.
void Service::say(const proxy::TlsReport& report) const {
  const std::string packet = print(report);
  while (send(guard_, packet.data(), packet.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void Service::begin(std::string_view packet, UniqueFd tls, UniqueFd plain) {
  const auto request = proxy::parse_tls_request(packet);
  if (!request) return;
  const auto refuse = [&](const char* why) { say({request->id, proxy::TlsNews::kFailed, why}); };
  Session session = request->task == proxy::TlsTask::kServe ? sessions_.serve(request->name)
                                                            : sessions_.dial(request->name);
  if (!session) {
    ERR_clear_error();
    return refuse("no session can be made");
  }
  auto made = std::make_unique<Leg>(*request, std::move(tls), std::move(plain), std::move(session));
  const uint64_t number = next_;
  next_ += 2;
  Leg* leg = legs_.emplace(number, std::move(made)).first->second.get();
  if (!watch(leg->tls_socket(), number) || !watch(leg->plain_socket(), number + kPlain)) {
    legs_.erase(number);
    return refuse("no events can be had");
  }
  next_sweep_ = std::min(next_sweep_, std::max(leg->deadline(), Clock::now() + kGranularity));
  waiting_.push_back(number);
}

// False: the guard has gone.
bool Service::take_requests() {
  constexpr int kAtOnce = 16;
  for (int i = 0; i < kAtOnce; ++i) {
    Received received = receive(guard_, packet_);
    if (received.size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (received.size <= 0) return false;
    const std::string_view packet =
        std::string_view(packet_).substr(0, static_cast<size_t>(received.size));
    if (received.sockets.size() != 2) {  // we have no room for more descriptors
      if (const auto request = proxy::parse_tls_request(packet)) {
        say({request->id, proxy::TlsNews::kFailed, "too many open connections"});
      }
      continue;
    }
    begin(packet, std::move(received.sockets[0]), std::move(received.sockets[1]));
  }
  return true;
}

void Service::after(Leg& leg) {
  if (const auto report = leg.take_report()) say(*report);
  if (leg.deadline() != Clock::time_point::max()) {
    next_sweep_ = std::min(next_sweep_, std::max(leg.deadline(), Clock::now() + kGranularity));
  }
}

void Service::hear(uint64_t number, uint32_t events) {
  const uint64_t leg = number & ~kPlain;
  const auto found = legs_.find(leg);
  if (found == legs_.end()) return;
  if (number != leg && (events & EPOLLHUP) != 0) {
    found->second->plain_hung_up();
  } else if (number != leg && (events & EPOLLRDHUP) != 0) {
    found->second->plain_half_closed();
  }
  waiting_.push_back(leg);
}

void Service::turn_those_that_wait() {
  std::deque<uint64_t> turns;
  turns.swap(waiting_);
  std::sort(turns.begin(), turns.end());
  turns.erase(std::unique(turns.begin(), turns.end()), turns.end());
  for (const uint64_t number : turns) {
    const auto found = legs_.find(number);
    if (found == legs_.end()) continue;
    Leg& leg = *found->second;
    bool more = false;
    try {
      more = leg.turn();
    } catch (const std::bad_alloc&) {
      leg.expire();
    }
    after(leg);
    if (leg.over()) {
      legs_.erase(found);
    } else if (more) {
      waiting_.push_back(number);
    }
  }
}

void Service::sweep() {
  const Clock::time_point now = Clock::now();
  if (now < next_sweep_) return;
  next_sweep_ = Clock::time_point::max();
  std::erase_if(legs_, [&](const auto& entry) {
    Leg& leg = *entry.second;
    if (!leg.over() && leg.deadline() <= now) leg.expire();
    after(leg);
    return leg.over();
  });
}

int Service::patience() const {
  if (!waiting_.empty()) return 0;
  if (next_sweep_ == Clock::time_point::max()) return -1;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(next_sweep_ - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count() + 1, 0, 3'600'000));
}

void Service::run() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience());
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.u64 != kGuard) {
        hear(event.data.u64, event.events);
        continue;
      }
      try {
        if (!take_requests()) return;
      } catch (const std::bad_alloc&) {
        // The request is lost with its sockets; the guard's own deadline ends the wait.
      }
    }
    turn_those_that_wait();
    sweep();
  }
}

}  // namespace srt::tls
