#include "platform/file_watch.h"

#include <fcntl.h>
#include <sys/event.h>
#include <unistd.h>

namespace srt::platform {
namespace {

bool watch(int queue, int fd) {
  struct kevent change;
  EV_SET(&change, static_cast<uintptr_t>(fd), EVFILT_VNODE, EV_ADD | EV_CLEAR,
         NOTE_WRITE | NOTE_EXTEND | NOTE_RENAME | NOTE_DELETE, 0, nullptr);
  return kevent(queue, &change, 1, nullptr, 0, nullptr) == 0;
}

UniqueFd open_file(int dir, const std::string& name) {
  return UniqueFd(openat(dir, name.c_str(), O_EVTONLY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

Result<FileWatch> FileWatch::open(int dir, const std::string& name) {
  UniqueFd queue(kqueue());
  if (!queue) return fail_errno(name, "watch");
  (void)fcntl(queue.get(), F_SETFD, FD_CLOEXEC);
  FileWatch made(std::move(queue), dir, name);
  made.file_ = open_file(dir, name);
  // The folder: another file takes the name. The file: it grows.
  if (!watch(made.fd_.get(), dir) || !made.file_ || !watch(made.fd_.get(), made.file_.get())) {
    return fail_errno(name, "watch");
  }
  return made;
}

void FileWatch::next() {
  struct kevent events[16];
  const timespec at_once{};
  while (kevent(fd_.get(), nullptr, 0, events, 16, &at_once) > 0) {
  }
  // Whatever has the name now; the watch of the old file goes with its descriptor.
  if (UniqueFd now = open_file(dir_, name_); now && watch(fd_.get(), now.get())) {
    file_ = std::move(now);
  }
}

}  // namespace srt::platform
