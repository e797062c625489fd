#include "platform/linux/broker/serve.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

namespace srt::platform {
namespace {

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS  // Linux 6.6
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

constexpr const char* kLayer = "file broker";

// Until nobody is left who could call.
void answer_calls(Service& service, int listener, size_t thread) {
  // umask and working directory are set for each caller: they must be this thread's own.
  if (unshare(CLONE_FS) != 0) return;
  service.neighbours.join(thread);
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

}  // namespace

Result<void> serve(Service& service, UniqueFd listener, int first_process, unsigned threads) {
  sigset_t leases;
  sigemptyset(&leases);
  sigaddset(&leases, VettedFiles::lease_signal());
  if (pthread_sigmask(SIG_BLOCK, &leases, nullptr) != 0) return fail_errno(kLayer, "block signals");
  UniqueFd wanted_back(signalfd(-1, &leases, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!wanted_back) return fail_errno(kLayer, "signalfd");
  // The caller is woken on this CPU and we sleep: both change places, as in a function call.
  (void)ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  for (unsigned i = 0; i < threads; ++i) {
    std::thread(answer_calls, std::ref(service), listener.get(), i).detach();
  }
  pollfd events[] = {{first_process, POLLIN, 0},
                     {service.waiting.wake_descriptor(), POLLIN, 0},
                     {service.vetted.wake_descriptor(), POLLIN, 0},
                     {wanted_back.get(), POLLIN, 0}};
  for (int pause = -1;;) {
    const int ready = poll(events, std::size(events), pause);
    if (ready < 0 && errno != EINTR) return fail_errno(kLayer, "wait");
    if (ready > 0 && events[0].revents != 0) break;
    signalfd_siginfo signals[16];
    if (ready > 0 && events[3].revents != 0)
      (void)!read(wanted_back.get(), signals, sizeof signals);
    const int opens = service.waiting.try_all(), files = service.vetted.settle();
    pause = opens < 0 || files < 0 ? std::max(opens, files) : std::min(opens, files);
  }
  service.vetted.finish();
  return {};
}

}  // namespace srt::platform
