#include "platform/linux/cgroup_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace srt::platform {
namespace {

using std::chrono::milliseconds;

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
}

void add_tree(const std::string& directory, std::vector<std::string>& tree) {
  std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory.c_str()), closedir);
  if (!open) return;
  tree.push_back(directory);
  while (const dirent* entry = readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    add_tree(directory + "/" + entry->d_name, tree);
  }
}

void add_processes(const std::string& directory, std::vector<pid_t>& pids) {
  auto text = read_file(directory + "/cgroup.procs");
  if (!text) return;
  for (const char* at = text->c_str(); *at;) {
    char* end;
    const long pid = std::strtol(at, &end, 10);
    if (end == at) break;
    if (pid > 0) pids.push_back(static_cast<pid_t>(pid));  // 0: of another pid namespace
    at = *end ? end + 1 : end;
  }
}

std::vector<pid_t> all_processes(const std::vector<std::string>& directories) {
  std::vector<pid_t> pids;
  for (const std::string& directory : directories) {
    for (const std::string& one : cgroup_tree(directory)) add_processes(one, pids);
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

// Waits for a change in a cgroup that cannot be removed though it lists no process: the kernel is
// about to let go of the last one. v2 tells by an event. v1 has none, and there it is a matter of
// microseconds: look again after a while that doubles.
void wait_for_change(const std::string& directory, Deadline deadline, milliseconds& pause) {
  UniqueFd events(open((directory + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[256];
  if (events && read(events.get(), buffer, sizeof buffer) < 0) events.reset();
  pollfd change{events.get(), POLLPRI, 0};
  const int wait = std::min<int>(static_cast<int>(pause.count()), milliseconds_until(deadline));
  poll(&change, events ? 1 : 0, events ? milliseconds_until(deadline) : wait);
  pause = std::min(pause * 2, milliseconds(100));
}

}  // namespace

std::vector<std::string> cgroup_tree(const std::string& directory) {
  std::vector<std::string> tree;
  add_tree(directory, tree);
  return tree;
}

std::vector<pid_t> cgroup_tree_processes(const std::string& directory) {
  return all_processes({directory});
}

std::vector<CgroupMember> cgroup_members(const std::vector<std::string>& directories, size_t most,
                                         const std::set<pid_t>& except) {
  std::vector<CgroupMember> members;
  for (pid_t pid : all_processes(directories)) {
    if (members.size() == most) break;
    if (except.count(pid)) continue;
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (pidfd) members.push_back({pid, std::move(pidfd)});
  }
  // A number may have changed hands before it was opened. Who is listed now too is a member: either
  // the one that was meant, or another of the same cgroup.
  const std::vector<pid_t> now = all_processes(directories);
  std::erase_if(members, [&](const CgroupMember& member) {
    return !std::binary_search(now.begin(), now.end(), member.pid);
  });
  return members;
}

bool wait_gone(const std::vector<CgroupMember>& members, Deadline deadline) {
  std::vector<pollfd> waiting;
  for (const CgroupMember& member : members) waiting.push_back({member.pidfd.get(), POLLIN, 0});
  while (!waiting.empty()) {
    const int n = poll(waiting.data(), waiting.size(), milliseconds_until(deadline));
    if (n == 0) return false;
    if (n < 0 && errno != EINTR) return false;
    std::erase_if(waiting, [](const pollfd& one) { return one.revents != 0; });
  }
  return true;
}

Result<void> remove_tree(const std::string& directory, Deadline deadline) {
  milliseconds pause(1);
  for (;;) {
    if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY && errno != ENOTEMPTY) return fail_errno(directory, "rmdir");
    const auto tree = cgroup_tree(directory);
    for (auto child = tree.rbegin(); child != tree.rend(); ++child) rmdir(child->c_str());
    if (access(directory.c_str(), F_OK) != 0) return {};
    if (std::chrono::steady_clock::now() >= deadline) {
      const auto pids = all_processes({directory});
      return fail_errno(
          directory,
          pids.empty() ? "rmdir" : "process " + std::to_string(pids.front()) + " is still there",
          EBUSY);
    }
    const auto members = cgroup_members({directory}, 256, {});
    if (members.empty()) {
      wait_for_change(directory, deadline, pause);
    } else {
      wait_gone(members, deadline);
    }
  }
}

}  // namespace srt::platform
