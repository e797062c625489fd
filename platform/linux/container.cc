// A container that exists: is it alive, who is in it, tell it something, end it.
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "platform/linux/cgroup.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/process_info.h"
#include "platform/linux/rdt.h"
#include "platform/linux/scope.h"
#include "platform/platform.h"
#include "platform/sidecar.h"

namespace srt::platform {
namespace {

// A control group is written down before it is made, and may turn out to be another container's, or a service's:
// that is why this one was not born. Whoever is in there is not ours to signal, let alone to kill.
bool was_born(const Handle& handle) { return handle.init > 0; }

bool may_be_anothers(const Handle& handle) { return !was_born(handle) && !handle.lone_cgroups; }

enum class FirstProcess { kRuns, kExits, kGone };

FirstProcess first_process(const Handle& handle) {
  if (handle.init <= 0) return FirstProcess::kGone;
  const Result<ProcessInfo> info = process_info(handle.init);
  if (!info || info->start_time != handle.init_start) return FirstProcess::kGone;
  // A zombie has ended, though nobody may have reaped it (pid 1 of a small machine).
  if (info->state == 'Z' || info->state == 'X') return FirstProcess::kGone;
  return info->exiting ? FirstProcess::kExits : FirstProcess::kRuns;
}

// Without a cgroup of its own, a container is who shares its mount namespace. A process that makes a
// new one escapes this: documented, and the reason to delegate a cgroup.
std::vector<pid_t> processes_by_mount_namespace(uint64_t id) {
  std::vector<pid_t> list;
  if (id == 0) return list;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return list;
  while (const dirent* entry = readdir(proc)) {
    char* end = nullptr;
    long pid = strtol(entry->d_name, &end, 10);
    if (*end != '\0' || pid <= 0) continue;
    if (mount_namespace_id(static_cast<pid_t>(pid)) == id) list.push_back(static_cast<pid_t>(pid));
  }
  closedir(proc);
  return list;
}

// The pid may be another's by the time we hold it: looked at again behind the descriptor.
bool signal_in_namespace(pid_t pid, uint64_t id, int signal, UniqueFd& held) {
  held.reset(sys::pidfd_open(pid));
  return held && mount_namespace_id(pid) == id && sys::pidfd_send_signal(held.get(), signal) == 0;
}

void kill_by_mount_namespace(uint64_t id) {
  // Each round ends who is there; forks of the last moment are met by the next.
  for (int round = 0; round < 100; ++round) {
    std::vector<UniqueFd> dying;
    for (pid_t pid : processes_by_mount_namespace(id)) {
      UniqueFd fd;
      if (signal_in_namespace(pid, id, SIGKILL, fd)) dying.push_back(std::move(fd));
    }
    for (const UniqueFd& fd : dying) {
      pollfd wait{fd.get(), POLLIN, 0};
      (void)poll(&wait, 1, 1000);
    }
    if (dying.empty()) return;
  }
}

// The usual end: nobody is inside and nobody made groups below. False: look closer.
bool remove_empty(const std::map<std::string, std::string>& cgroups) {
  bool gone = true;
  for (const auto& [controllers, directory] : cgroups) {
    gone = (rmdir(directory.c_str()) == 0 || errno == ENOENT) && gone;
  }
  return gone;
}

bool ends_within(int pidfd, int milliseconds) {
  pollfd wait{pidfd, POLLIN, 0};
  return sys::retry([&] { return poll(&wait, 1, milliseconds); }) == 1;
}

// What is left of it are zombies: those of an `exec` that was killed have a parent outside, which may never reap them,
// and a first process ends after all others of its pid namespace (pid_namespaces(7)).
bool only_zombies_are_left(const Handle& handle) {
  if (!handle.own_pid_namespace || first_process(handle) == FirstProcess::kRuns) return false;
  const Result<std::vector<pid_t>> others = processes(handle);
  return others && others->empty();
}

Result<void> await_end(const Handle& handle, int pidfd) {
  constexpr int kToBeReaped = 500, kToEnd = 9500;  // milliseconds
  if (ends_within(pidfd, kToBeReaped) || only_zombies_are_left(handle)) return {};
  if (ends_within(pidfd, kToEnd) || only_zombies_are_left(handle)) return {};
  return fail("container", "its first process does not end, though killed",
              "it may be stuck in the kernel: see its /proc/PID/stack");
}

}  // namespace

bool has_unified_cgroups() {
  struct statfs cgroups;
  return statfs("/sys/fs/cgroup", &cgroups) == 0 && cgroups.f_type == CGROUP2_SUPER_MAGIC;
}

const char* host_state_folder() { return "/run/srt"; }

Confinement confinement() { return Confinement::kOwnTree; }

InitStatus init_status(const Handle& handle) {
  return first_process(handle) == FirstProcess::kRuns ? InitStatus::kAlive : InitStatus::kGone;
}

bool is_paused(const Handle& handle) { return cgroup_frozen(handle.cgroups); }

Result<UniqueFd> open_init(const Handle& handle) {
  Error gone{"container", "its first process is gone", "", ESRCH};
  if (handle.init <= 0) return fail(gone);
  UniqueFd fd(sys::pidfd_open(handle.init));
  if (!fd) return errno == ESRCH ? fail(gone) : fail_errno("process", "pidfd_open");
  // The descriptor is of whoever has the pid now; the start time tells whether that is still it.
  if (first_process(handle) != FirstProcess::kRuns) return fail(gone);
  return fd;
}

Result<UniqueFd> watch_exit(pid_t child) {
  UniqueFd fd(sys::pidfd_open(child));
  if (!fd) return fail_errno("pid " + std::to_string(child), "pidfd_open");
  return fd;
}

Result<int> await_child(pid_t child) {
  int status = 0;
  if (sys::retry([&] { return waitpid(child, &status, __WALL); }) < 0) {
    return fail_errno("pid " + std::to_string(child), "wait");
  }
  return status;
}

Result<void> signal_init(const Handle& handle, int signal) {
  SRT_ASSIGN(UniqueFd fd, open_init(handle));
  if (sys::pidfd_send_signal(fd.get(), signal) != 0)
    return fail_errno("container", "send the signal");
  return {};
}

// A SIGSTOP counts once its receiver has run: until then one that waits for a terminal's line, say, still takes it,
// though it was typed for the shell that had seen us stop. There is nothing to wait for but to look.
static void await_stopped(const Handle& handle) {
  constexpr int kLooks = 100;
  constexpr timespec kPause{0, 1'000'000};
  for (int look = 0; look < kLooks; ++look) {
    const Result<std::vector<pid_t>> members = processes(handle);
    const bool stopped = !members || std::all_of(members->begin(), members->end(), [](pid_t pid) {
      const Result<ProcessInfo> info = process_info(pid);
      return !info || std::string_view("TtZX").find(info->state) != std::string_view::npos;
    });
    if (stopped) return;
    nanosleep(&kPause, nullptr);
  }
}

static Result<void> send_to_all(const Handle& handle, int signal) {
  const bool over = handle.own_pid_namespace && first_process(handle) == FirstProcess::kGone;
  if (!was_born(handle) || over) return {};  // see clear_away()
  if (!handle.cgroups.empty()) return signal_cgroup(handle.cgroups, signal);
  std::vector<pid_t> members = processes_by_mount_namespace(handle.mount_namespace);
  for (pid_t pid : members) {
    UniqueFd held;
    (void)signal_in_namespace(pid, handle.mount_namespace, signal, held);
  }
  // Kernels without such numbers: the first process at least.
  bool init_only = members.empty() && init_status(handle) == InitStatus::kAlive;
  return init_only ? signal_init(handle, signal) : Result<void>();
}

Result<void> signal_all(const Handle& handle, int signal) {
  Result<void> sent = send_to_all(handle, signal);
  if (sent && signal == SIGSTOP) await_stopped(handle);
  return sent;
}

Result<void> freeze(const Handle& handle, bool frozen) {
  return freeze_cgroup(handle.cgroups, frozen);
}

Result<std::vector<pid_t>> processes(const Handle& handle) {
  if (!handle.cgroups.empty()) return cgroup_processes(handle.cgroups);
  return processes_by_mount_namespace(handle.mount_namespace);
}

static Result<void> remove_groups(const Handle& handle) {
  SRT_TRY(handle.scope.empty() ? remove_cgroup(handle.cgroups) : end_scope(handle));
  remove_rdt_group(handle.rdt_group);
  return {};
}

// The end of a pid namespace is the end of all in it. Whoever is in the control group now is the next container that
// was given the same one.
static Result<void> clear_away(const Handle& handle) {
  if (handle.scope.empty() && remove_empty(handle.cgroups)) {
    remove_rdt_group(handle.rdt_group);
    return {};
  }
  if (handle.lone_cgroups) {
    SRT_TRY(signal_cgroup(handle.cgroups, SIGKILL));
  } else if (somebody_stays(handle.cgroups)) {
    return {};
  }
  return remove_groups(handle);
}

static Result<void> destroy_container(const Handle& handle) {
  if (may_be_anothers(handle)) {
    // A scope goes by itself: only srt-scope was in it, if it is not another container's.
    if (handle.scope.empty()) leave_cgroup(handle.cgroups);
    return {};
  }
  // One that exits is waited for too: until then others of its pid namespace may run.
  UniqueFd init(handle.init > 0 ? sys::pidfd_open(handle.init) : -1);
  if (first_process(handle) == FirstProcess::kGone) init.reset();
  if (!init && handle.own_pid_namespace) return clear_away(handle);
  if (init) {
    (void)sys::pidfd_send_signal(init.get(), SIGKILL);
    // A frozen process takes no signal: the cgroup's turn comes before the wait.
  }
  if (!handle.cgroups.empty()) {
    SRT_TRY(signal_cgroup(handle.cgroups, SIGKILL));
  } else if (!handle.own_pid_namespace) {
    kill_by_mount_namespace(handle.mount_namespace);
  }
  if (init) SRT_TRY(await_end(handle, init.get()));
  return remove_groups(handle);
}

Result<void> destroy(const Handle& handle) {
  Result<void> gone = destroy_container(handle);
  end_sidecar(handle.monitor, handle.monitor_start);
  end_sidecar(handle.broker, handle.broker_start);
  return gone;
}

}  // namespace srt::platform
