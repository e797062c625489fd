// A container that exists: is it alive, who is in it, tell it something, end it.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "platform/darwin/content.h"
#include "platform/darwin/process.h"
#include "platform/in_container.h"
#include "platform/platform.h"
#include "platform/sidecar.h"

namespace srt::platform {
namespace {

using darwin::process_info;
using darwin::ProcessInfo;

bool is_same_process(const Handle& handle) {
  Result<ProcessInfo> info = process_info(handle.init);
  return info && info->start == handle.init_start && !info->zombie;
}

// The pid may be another's between a look and the signal: the second look leaves microseconds.
bool signal_process(pid_t pid, uint64_t start, int signal) {
  Result<ProcessInfo> info = process_info(pid);
  return info && info->start == start && !info->zombie && kill(pid, signal) == 0;
}

// Not in a public header, but what programs that sandbox themselves ask: whether a process is under a profile.
extern "C" int sandbox_check(pid_t pid, const char* operation, int type, ...);

// A session that the container's first process has made: the kernel gives its number to no new process while
// anybody is in it. That a number was given again, and again a session was made, is then told by the profile.
bool shares_session(pid_t pid, const Handle& handle) {
  return getsid(pid) == handle.init && sandbox_check(pid, nullptr, 0) != 0;
}

// There is no cgroup and no pid namespace: who is in a container is told by descent, by the session, and by
// the variable that only its processes were started with, which macOS does not show of its own programs
// (System Integrity Protection). One that has detached itself otherwise is not found; it stays confined, and
// without a guard it reaches no network.
std::vector<ProcessInfo> members(const Handle& handle) {
  std::vector<ProcessInfo> all, found;
  for (pid_t pid : darwin::all_processes()) {
    if (pid <= 1 || pid == getpid()) continue;
    if (Result<ProcessInfo> info = process_info(pid); info && !info->zombie) all.push_back(*info);
  }
  std::set<pid_t> inside;
  const bool other_has_its_pid = std::any_of(all.begin(), all.end(), [&](const ProcessInfo& info) {
    return info.pid == handle.init && info.start != handle.init_start;
  });
  const std::string mark = darwin::run_variable(handle.run);
  for (const ProcessInfo& info : all) {
    const bool is_init = info.pid == handle.init && info.start == handle.init_start;
    if (is_init || (!other_has_its_pid && shares_session(info.pid, handle)) ||
        (!handle.run.empty() && darwin::started_with(info.pid, mark))) {
      inside.insert(info.pid);
    }
  }
  // Children of theirs, and so on.
  for (bool more = true; more;) {
    more = false;
    for (const ProcessInfo& info : all) {
      if (inside.count(info.parent) != 0) more = inside.insert(info.pid).second || more;
    }
  }
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const ProcessInfo& info) { return inside.count(info.pid) != 0; });
  return found;
}

Result<void> kill_all(const Handle& handle) {
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<ProcessInfo> dying = members(handle);
    if (dying.empty()) return {};
    for (const ProcessInfo& info : dying) (void)signal_process(info.pid, info.start, SIGKILL);
    for (const ProcessInfo& info : dying) {
      Result<UniqueFd> ended = darwin::watch_process(info.pid);
      if (!ended) continue;
      pollfd wait{ended->get(), POLLIN, 0};
      (void)poll(&wait, 1, 1000);
    }
  }
  return fail("container", "its processes do not end, though killed");
}

}  // namespace

Confinement confinement() { return Confinement::kHostRules; }

InitStatus init_status(const Handle& handle) {
  return handle.init > 0 && is_same_process(handle) ? InitStatus::kAlive : InitStatus::kGone;
}

bool is_paused(const Handle&) { return false; }

Result<void> freeze(const Handle&, bool) {
  return fail("container", "macOS has no control groups, and so nothing that could freeze it",
              "srt-runtime kill ID STOP stops the processes that do not catch it: CONT goes on");
}

Result<void> update_resources(const Handle&, const oci::Resources&) {
  return fail("resources", "macOS has no control groups",
              "set process.rlimits before it is made, or use a Linux machine");
}

Result<std::string> usage(const Handle&) {
  return fail("", "macOS has no control groups that count");
}
Result<uint64_t> oom_kills(const Handle&) { return 0; }
Result<UniqueFd> watch_memory(const Handle&) { return fail("", "macOS has no control groups"); }

Result<UniqueFd> open_init(const Handle& handle) {
  const Error gone{"container", "its first process is gone", "", ESRCH};
  if (handle.init <= 0) return fail(gone);
  Result<UniqueFd> fd = darwin::watch_process(handle.init);
  if (!fd && fd.error().code == ESRCH) return fail(gone);
  if (fd && !is_same_process(handle)) return fail(gone);
  return fd;
}

Result<UniqueFd> watch_exit(pid_t child) {
  Result<UniqueFd> fd = darwin::watch_process(child);
  if (fd || fd.error().code != ESRCH) return fd;
  // It ended before we looked: a descriptor that is at its end reads the same.
  SRT_ASSIGN(Pipe pipe, make_pipe());
  return std::move(pipe.read_end);
}

Result<int> await_child(pid_t child) {
  int status = 0;
  pid_t waited;
  do {
    waited = waitpid(child, &status, 0);
  } while (waited < 0 && errno == EINTR);
  if (waited < 0) return fail_errno("pid " + std::to_string(child), "wait");
  return status;
}

Result<void> signal_init(const Handle& handle, int signal) {
  if (handle.init > 0 && signal_process(handle.init, handle.init_start, signal)) return {};
  if (init_status(handle) == InitStatus::kGone) {
    return fail(Error{"container", "its first process is gone", "", ESRCH});
  }
  return fail_errno("container", "send the signal");
}

Result<void> signal_all(const Handle& handle, int signal) {
  if (signal == SIGKILL) return kill_all(handle);
  for (const ProcessInfo& info : members(handle)) {
    (void)signal_process(info.pid, info.start, signal);
  }
  return {};
}

Result<std::vector<pid_t>> processes(const Handle& handle) {
  std::vector<pid_t> pids;
  for (const ProcessInfo& info : members(handle)) pids.push_back(info.pid);
  return pids;
}

Result<void> destroy(const Handle& handle) {
  Result<void> gone = kill_all(handle);
  end_sidecar(handle.monitor, handle.monitor_start);
  if (gone && !handle.own_tmpdir.empty()) {
    std::error_code error;  // links in it are removed, not followed
    std::filesystem::remove_all(handle.own_tmpdir, error);
    if (error) return fail(handle.own_tmpdir, "remove: " + error.message());
  }
  return gone;
}

Result<std::string> in_container(const Handle&, const std::function<Result<std::string>()>&) {
  return fail("container", "has no tree of its own on macOS", "run the command with srt");
}

bool is_host_root() { return geteuid() == 0; }

bool has_unified_cgroups() { return true; }

const char* host_state_folder() { return "/private/var/run/srt"; }

Result<bool> has_interfaces(const std::string& network_namespace) {
  return fail(network_namespace, "there are no network namespaces on macOS",
              "use a Linux machine or a virtual machine");
}

}  // namespace srt::platform
