// Who is in a container's cgroups; stopping, signalling and ending all of them.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "platform/linux/cgroup.h"
#include "platform/linux/cgroup_tree.h"

namespace srt::platform {
namespace {

using Directories = std::map<std::string, std::string>;
using std::chrono::milliseconds;
using std::chrono::seconds;

// How long a process may take to stop or to end. One in uninterruptible sleep (a dead NFS server)
// does neither before its I/O returns: it must not hang us.
constexpr milliseconds kFreezePatience(500);
constexpr seconds kKillPatience(10);
constexpr seconds kRemovePatience(2);
constexpr milliseconds kLeavePatience(500);
constexpr milliseconds kLookAgain(500);
// Members looked at in one round: leaves room under the usual limit of 1024 descriptors.
constexpr size_t kRound = 256;

Deadline in(std::chrono::nanoseconds time) { return std::chrono::steady_clock::now() + time; }

// Where members are read: the v2 hierarchy and the freezer's, since a privileged program may have
// left one of them; without either, any.
std::vector<std::string> member_directories(const Directories& directories) {
  std::vector<std::string> found;
  for (const char* name : {"", "freezer"}) {
    if (auto it = directories.find(name); it != directories.end()) found.push_back(it->second);
  }
  if (found.empty() && !directories.empty()) found.push_back(directories.begin()->second);
  return found;
}

struct Freezer {
  std::string directory;  // empty: there is none
  bool v2 = false;
};

// On a hybrid host the v1 freezer: the v2 hierarchy there may be absent from older containers.
Freezer freezer_of(const Directories& directories) {
  if (auto it = directories.find("freezer"); it != directories.end()) return {it->second, false};
  if (auto it = directories.find(""); it != directories.end()) return {it->second, true};
  return {};
}

// v2 says when all are stopped. On v1 stopping is asynchronous without an event, but a process that
// is asked to stop runs no instruction of its own program any more, which is all that we need.
Result<void> set_frozen(const Freezer& freezer, bool frozen) {
  if (!freezer.v2) {
    return write_file(freezer.directory + "/freezer.state", frozen ? "FROZEN" : "THAWED");
  }
  UniqueFd events(open((freezer.directory + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  SRT_TRY(write_file(freezer.directory + "/cgroup.freeze", frozen ? "1" : "0"));
  const Deadline deadline = in(kFreezePatience);
  while (frozen && events) {
    char text[256];
    const ssize_t n = pread(events.get(), text, sizeof text - 1, 0);
    if (n <= 0 ||
        std::string_view(text, static_cast<size_t>(n)).find("frozen 1") != std::string_view::npos) {
      break;
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd change{events.get(), POLLPRI, 0};
    if (left.count() <= 0 || poll(&change, 1, static_cast<int>(left.count())) == 0) break;
  }
  return {};
}

// Sub-cgroups that the container froze by itself would keep their processes from ending.
void thaw_all(const Freezer& freezer) {
  for (const std::string& directory : cgroup_tree(freezer.directory)) {
    (void)set_frozen({directory, freezer.v2}, false);
  }
}

// Signals each member once. The freezer keeps them from forking meanwhile; without one, those that
// are born between two looks are caught by the next.
void signal_members(const std::vector<std::string>& directories, int signal) {
  std::set<pid_t> done = {getpid()};
  for (;;) {
    const auto members = cgroup_members(directories, kRound, done);
    if (members.empty()) return;
    for (const CgroupMember& member : members) {
      done.insert(member.pid);
      syscall(SYS_pidfd_send_signal, member.pidfd.get(), signal, nullptr, 0);
    }
  }
}

void kill_members(const std::vector<std::string>& directories, const Freezer& freezer) {
  if (!freezer.directory.empty()) (void)set_frozen(freezer, true);
  signal_members(directories, SIGKILL);
  if (!freezer.directory.empty()) thaw_all(freezer);
}

Result<void> kill_all(const Directories& directories) {
  const auto where = member_directories(directories);
  const Freezer freezer = freezer_of(directories);
  const auto v2 = directories.find("");
  const Deadline deadline = in(kKillPatience);
  for (int round = 0;; ++round) {
    const auto members = cgroup_members(where, kRound, {});
    if (members.empty()) return {};
    for (const CgroupMember& member : members) {
      if (member.pid == getpid()) return fail("cgroup", "holds the caller, which would end itself");
    }
    // cgroup.kill (Linux 5.14) leaves no room for forks, and ends what v2 has frozen.
    const bool by_kernel =
        v2 != directories.end() && write_file(v2->second + "/cgroup.kill", "1").has_value();
    const bool all_in_v2 = where.size() == 1 || round == 0;
    if (!by_kernel || !all_in_v2) {
      kill_members(where, freezer);
    } else if (!freezer.v2) {
      thaw_all(freezer);
    }
    // The first of a pid namespace leaves its control groups, and ends once the last zombie of the namespace is reaped:
    // by somebody outside, it may be, who never does. Who is not listed any more has ended for us.
    const bool gone = wait_gone(members, std::min(deadline, in(kLookAgain)));
    if (!gone && std::chrono::steady_clock::now() >= deadline) {
      return fail(
          "process " + std::to_string(members.front().pid),
          "did not end within " + std::to_string(kKillPatience.count()) +
              " s of SIGKILL: it waits for a device or a file server, or is frozen in a control "
              "group of somebody else");
    }
  }
}

}  // namespace

Result<std::vector<pid_t>> cgroup_processes(const Directories& directories) {
  std::vector<pid_t> pids;
  for (const std::string& directory : member_directories(directories)) {
    const auto some = cgroup_tree_processes(directory);
    pids.insert(pids.end(), some.begin(), some.end());
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

bool cgroup_frozen(const Directories& directories) {
  const Freezer freezer = freezer_of(directories);
  if (freezer.directory.empty()) return false;
  auto state = read_file(freezer.directory + (freezer.v2 ? "/cgroup.freeze" : "/freezer.state"));
  return state && (state->compare(0, 1, "1") == 0 || state->compare(0, 2, "FR") == 0);
}

Result<void> freeze_cgroup(const Directories& directories, bool frozen) {
  const Freezer freezer = freezer_of(directories);
  if (freezer.directory.empty()) {
    return fail("cgroup freezer", "the container has no cgroup that could be frozen");
  }
  return set_frozen(freezer, frozen);
}

Result<void> signal_cgroup(const Directories& directories, int signal) {
  if (signal == SIGKILL) return kill_all(directories);
  const Freezer freezer = freezer_of(directories);
  const bool was_frozen = cgroup_frozen(directories);
  const bool freeze = !freezer.directory.empty() && !was_frozen;
  if (freeze) (void)set_frozen(freezer, true);
  signal_members(member_directories(directories), signal);
  if (freeze) (void)set_frozen(freezer, false);
  return {};
}

bool somebody_stays(const Directories& directories) {
  std::vector<std::string> all;
  for (const auto& [controllers, directory] : directories) all.push_back(directory);
  return !wait_gone(cgroup_members(all, kRound, {}), in(kLeavePatience));
}

void leave_cgroup(const Directories& directories) {
  if (somebody_stays(directories)) return;
  for (const auto& [controllers, directory] : directories) (void)rmdir(directory.c_str());
}

Result<void> remove_cgroup(const Directories& directories) {
  const Deadline deadline = in(kRemovePatience);
  Result<void> result;
  for (const auto& [controllers, directory] : directories) {
    if (auto removed = remove_tree(directory, deadline); !removed && result) result = removed;
  }
  return result;
}

}  // namespace srt::platform
