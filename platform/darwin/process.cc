#include "platform/darwin/process.h"

#include <fcntl.h>
#include <libproc.h>
#include <sys/event.h>
#include <sys/proc.h>
#include <sys/sysctl.h>

#include <cstring>
#include <string_view>

namespace srt::platform::darwin {

Result<ProcessInfo> process_info(pid_t pid) {
  proc_bsdinfo info{};
  const int size = proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof info);
  if (size != sizeof info) {
    return fail_errno("pid " + std::to_string(pid), "look at", errno != 0 ? errno : ESRCH);
  }
  return ProcessInfo{static_cast<pid_t>(info.pbi_pid), static_cast<pid_t>(info.pbi_ppid),
                     info.pbi_start_tvsec * 1'000'000 + info.pbi_start_tvusec,
                     info.pbi_status == SZOMB};
}

std::vector<pid_t> all_processes() {
  // More may come between the two calls.
  const int count = proc_listallpids(nullptr, 0);
  std::vector<pid_t> pids(static_cast<size_t>(count > 0 ? count : 0) + 64);
  const int got = proc_listallpids(pids.data(), static_cast<int>(pids.size() * sizeof(pid_t)));
  pids.resize(static_cast<size_t>(got > 0 ? got : 0));
  return pids;
}

bool started_with(pid_t pid, const std::string& entry) {
  int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
  size_t size = 0;
  if (sysctl(name, 3, nullptr, &size, nullptr, 0) != 0) return false;
  std::string bytes(size, '\0');
  if (sysctl(name, 3, bytes.data(), &size, nullptr, 0) != 0) return false;
  bytes.resize(size);
  // The number of arguments, the path, padding, then arguments and variables, each with its NUL. An
  // argument that looks like the variable is as good: our caller made the value up.
  std::string_view rest(bytes);
  if (rest.size() < sizeof(int)) return false;
  rest.remove_prefix(sizeof(int));
  const std::string wanted = std::string(1, '\0') + entry + std::string(1, '\0');
  return rest.find(wanted) != std::string_view::npos;
}

Result<UniqueFd> watch_process(pid_t pid) {
  UniqueFd queue(kqueue());
  if (!queue) return fail_errno("pid " + std::to_string(pid), "kqueue");
  (void)fcntl(queue.get(), F_SETFD, FD_CLOEXEC);
  struct kevent change;
  EV_SET(&change, static_cast<uintptr_t>(pid), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (kevent(queue.get(), &change, 1, nullptr, 0, nullptr) != 0) {
    return fail_errno("pid " + std::to_string(pid), "watch");
  }
  return queue;
}

}  // namespace srt::platform::darwin
