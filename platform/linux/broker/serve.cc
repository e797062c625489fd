#include "platform/linux/broker/serve.h"

#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "platform/linux/broker/door.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "file broker";

// Until nobody is left who could call.
void answer_calls(Service& service, const std::shared_ptr<Door>& door) {
  // umask and working directory are set for each caller: they must be this thread's own.
  if (unshare(CLONE_FS) != 0) return;
  seccomp_notif notification;
  while (door->receive(notification)) {
    CallInService(service, door->listener(), notification).serve();
  }
}

void begin_to_answer(Service& service, UniqueFd listener, unsigned threads) {
  const auto door = std::make_shared<Door>(std::move(listener));
  for (unsigned i = 0; i < threads; ++i) {
    std::thread(answer_calls, std::ref(service), door).detach();
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
