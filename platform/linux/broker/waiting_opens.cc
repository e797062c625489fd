#include "platform/linux/broker/waiting_opens.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "platform/linux/broker/service.h"

namespace srt::platform {
namespace {

constexpr size_t kMost = 1024;
constexpr int kLongestPause = 20;  // milliseconds

}  // namespace

WaitingOpens::WaitingOpens() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void WaitingOpens::add(One one) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMost) return answer_with_error(one.listener, one.id, ENFILE);
    waiting_.push_back(std::move(one));
    pause_ = 1;
  }
  (void)eventfd_write(wake_.get(), 1);
}

int WaitingOpens::try_all() {
  eventfd_t count;
  (void)eventfd_read(wake_.get(), &count);
  std::lock_guard lock(mutex_);
  auto done = [](One& one) {
    if (ioctl(one.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &one.id) != 0) return true;
    const std::string link = "self/fd/" + std::to_string(one.file.get());
    UniqueFd opened(openat(one.proc, link.c_str(), one.flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!opened) {
      if (errno == ENXIO || errno == EAGAIN) return false;
      answer_with_error(one.listener, one.id, errno);
      return true;
    }
    (void)fcntl(opened.get(), F_SETFL, one.flags & ~O_NONBLOCK);
    answer_with_file(one.listener, one.id, opened.get(), (one.flags & O_CLOEXEC) != 0);
    return true;
  };
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), done), waiting_.end());
  if (waiting_.empty()) return -1;
  return pause_ = std::min(pause_ * 2, kLongestPause);
}

}  // namespace srt::platform
