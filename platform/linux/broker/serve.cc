#include "platform/linux/broker/serve.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace srt::platform {
namespace {

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS  // Linux 6.6
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

constexpr const char* kLayer = "file broker";

using Listener = std::shared_ptr<const UniqueFd>;

// Until nobody is left who could call.
void answer_calls(Service& service, const Listener& held) {
  // umask and working directory are set for each caller: they must be this thread's own.
  if (unshare(CLONE_FS) != 0) return;
  const Neighbours::Seat seat = service.neighbours.sit();
  if (!seat) return;  // the listener ends, and the calls fail
  const int listener = held->get();
  seccomp_notif notification;
  for (;;) {
    std::memset(&notification, 0, sizeof notification);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0) {
      if (errno == EINTR) continue;
      pollfd left{listener, 0, 0};
      if (errno != ENOENT || poll(&left, 1, 0) != 0)
        return;  // POLLHUP: nobody has the filter any more
      continue;  // else a caller was killed meanwhile
    }
    CallInService(service, listener, notification).serve();
  }
}

void begin_to_answer(Service& service, UniqueFd listener, unsigned threads) {
  // The caller is woken on this CPU and we sleep: both change places, as in a function call.
  (void)ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  const Listener held = std::make_shared<const UniqueFd>(std::move(listener));
  for (unsigned i = 0; i < threads; ++i) {
    std::thread(answer_calls, std::ref(service), held).detach();
  }
}

// Those who connected and have not sent their listener yet: `exec` does so when its process is about to
// run its program.
class Newcomers {
 public:
  void greet(int more) {
    UniqueFd connection(accept4(more, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) waiting_.push_back(std::move(connection));
  }
  void add_to(std::vector<pollfd>& events) const {
    for (const UniqueFd& connection : waiting_) events.push_back({connection.get(), POLLIN, 0});
  }
  void take(const std::vector<pollfd>& events, Service& service, unsigned threads) {
    for (const pollfd& event : events) {
      const auto known = std::find_if(waiting_.begin(), waiting_.end(), [&](const UniqueFd& fd) {
        return fd.get() == event.fd && event.revents != 0;
      });
      if (known == waiting_.end()) continue;
      UniqueFd listener = receive_further_listener(known->get());
      waiting_.erase(known);
      if (listener) begin_to_answer(service, std::move(listener), threads);
    }
  }

 private:
  std::vector<UniqueFd> waiting_;
};

}  // namespace

Result<void> serve(Service& service, UniqueFd listener, int first_process, int more,
                   unsigned threads) {
  sigset_t leases;
  sigemptyset(&leases);
  sigaddset(&leases, VettedFiles::lease_signal());
  if (pthread_sigmask(SIG_BLOCK, &leases, nullptr) != 0) return fail_errno(kLayer, "block signals");
  UniqueFd wanted_back(signalfd(-1, &leases, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!wanted_back) return fail_errno(kLayer, "signalfd");
  begin_to_answer(service, std::move(listener), threads);
  Newcomers newcomers;
  for (int pause = -1;;) {
    std::vector<pollfd> events = {{first_process, POLLIN, 0},
                                  {service.waiting.wake_descriptor(), POLLIN, 0},
                                  {service.vetted.wake_descriptor(), POLLIN, 0},
                                  {wanted_back.get(), POLLIN, 0},
                                  {more, POLLIN, 0}};
    newcomers.add_to(events);
    const int ready = poll(events.data(), events.size(), pause);
    if (ready < 0 && errno != EINTR) return fail_errno(kLayer, "wait");
    if (ready > 0 && events[0].revents != 0) break;
    signalfd_siginfo signals[16];
    if (ready > 0 && events[3].revents != 0)
      (void)!read(wanted_back.get(), signals, sizeof signals);
    if (ready > 0) newcomers.take(events, service, threads);
    if (ready > 0 && events[4].revents != 0) newcomers.greet(more);
    const int opens = service.waiting.try_all(), files = service.vetted.settle();
    pause = opens < 0 || files < 0 ? std::max(opens, files) : std::min(opens, files);
  }
  service.vetted.finish();
  return {};
}

}  // namespace srt::platform
