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

#include "platform/idle_memory.h"
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

// Those who may call and have not yet: a connection whose listener is still to come (`exec` sends it when
// its process is about to run its program), and listeners without a call, which need no threads: many a
// program writes nothing.
class Newcomers {
 public:
  Newcomers(Service& service, unsigned threads) : service_(service), threads_(threads) {}

  void expect_calls(UniqueFd listener) { listeners_.push_back(std::move(listener)); }
  void greet(int more) {
    UniqueFd connection(accept4(more, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) connections_.push_back(std::move(connection));
  }
  void add_to(std::vector<pollfd>& events) const {
    for (const UniqueFd& listener : listeners_) events.push_back({listener.get(), POLLIN, 0});
    for (const UniqueFd& connection : connections_) events.push_back({connection.get(), POLLIN, 0});
  }
  void take(const std::vector<pollfd>& events) {
    for (const pollfd& event : events) {
      if (event.revents == 0) continue;
      if (UniqueFd listener = taken_from(listeners_, event.fd)) {
        // Otherwise those who could have called have ended.
        if (event.revents & POLLIN) begin_to_answer(service_, std::move(listener), threads_);
      } else if (const UniqueFd connection = taken_from(connections_, event.fd)) {
        if (UniqueFd sent = receive_further_listener(connection.get())) {
          expect_calls(std::move(sent));
        }
      }
    }
  }

 private:
  static UniqueFd taken_from(std::vector<UniqueFd>& fds, int number) {
    const auto known = std::find_if(fds.begin(), fds.end(),
                                    [&](const UniqueFd& fd) { return fd.get() == number; });
    if (known == fds.end()) return {};
    UniqueFd taken = std::move(*known);
    fds.erase(known);
    return taken;
  }

  Service& service_;
  unsigned threads_;
  std::vector<UniqueFd> connections_;
  std::vector<UniqueFd> listeners_;
};

// Other signals only wake us.
bool told_to_end(int signalled) {
  signalfd_siginfo signals[16];
  const ssize_t size = read(signalled, signals, sizeof signals);
  const auto count = size < 0 ? size_t{0} : static_cast<size_t>(size) / sizeof signals[0];
  return std::any_of(signals, signals + count,
                     [](const signalfd_siginfo& one) { return one.ssi_signo == SIGTERM; });
}

}  // namespace

Result<void> serve(Service& service, UniqueFd listener, int first_process, int more,
                   unsigned threads) {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, VettedFiles::lease_signal());
  // Whoever cleans up sends it as soon as the last process has ended: what that one wrote, a whole `.gitmodules`, is
  // still to be put into its place.
  sigaddset(&awaited, SIGTERM);
  if (pthread_sigmask(SIG_BLOCK, &awaited, nullptr) != 0) {
    return fail_errno(kLayer, "block signals");
  }
  UniqueFd signalled(signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signalled) return fail_errno(kLayer, "signalfd");
  Newcomers newcomers(service, threads);
  newcomers.expect_calls(std::move(listener));
  bool settled = false;
  for (int pause = -1;;) {
    std::vector<pollfd> events = {{first_process, POLLIN, 0},
                                  {service.waiting.wake_descriptor(), POLLIN, 0},
                                  {service.vetted.wake_descriptor(), POLLIN, 0},
                                  {signalled.get(), POLLIN, 0},
                                  {more, POLLIN, 0}};
    newcomers.add_to(events);
    const int patience = settled ? -1 : static_cast<int>(kUntilIdle.count());
    const int ready = poll(events.data(), events.size(), pause < 0 ? patience : pause);
    if (ready < 0 && errno != EINTR) return fail_errno(kLayer, "wait");
    if (ready == 0 && !std::exchange(settled, true)) release_idle_memory();
    if (ready > 0 && events[0].revents != 0) break;
    if (ready > 0 && events[3].revents != 0 && told_to_end(signalled.get())) break;
    if (ready > 0) newcomers.take(events);
    if (ready > 0 && events[4].revents != 0) newcomers.greet(more);
    const int opens = service.waiting.try_all(), files = service.vetted.settle();
    pause = opens < 0 || files < 0 ? std::max(opens, files) : std::min(opens, files);
  }
  service.vetted.finish();
  return {};
}

}  // namespace srt::platform
