#include "platform/linux/stage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/sys.h"

namespace srt::platform {
namespace {

constexpr size_t kStack = 32 * 1024;

void say(const StagePlan& plan, const StageReport& report) {
  if (send(plan.runtime, &report, sizeof report, MSG_NOSIGNAL) < 0) _exit(1);
}

[[noreturn]] void give_up(const StagePlan& plan, const char* object, const char* why,
                          int code = errno) {
  StageReport report{StageReport::Type::kFailed, 0, code, {}, {}};
  strncpy(report.object, object, sizeof report.object - 1);
  strncpy(report.why, why, sizeof report.why - 1);
  say(plan, report);
  _exit(1);
}

void say_and_wait(const StagePlan& plan, StageReport::Type type) {
  say(plan, {type, 0, 0, {}, {}});
  char byte;
  if (sys::retry([&] { return recv(plan.runtime, &byte, 1, 0); }) != 1) _exit(1);
}

// kill -9 of the runtime must not leave a half-made container. The kernel forgets this on every
// change of credentials, so it is asked for again.
void die_with_runtime(const StagePlan& plan) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(1);
}

// Inherited by the container's first process; both may need what only the initial user namespace has.
void set_while_privileged(const StagePlan& plan) {
  if (plan.oom_score_adj != nullptr) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    auto size = static_cast<ssize_t>(strlen(plan.oom_score_adj));
    if (fd < 0 || write(fd, plan.oom_score_adj, static_cast<size_t>(size)) != size) {
      give_up(plan, "/process/oomScoreAdj",
              "cannot be set (lowering it needs CAP_SYS_RESOURCE in the initial user namespace)");
    }
    close(fd);
  }
  for (size_t i = 0; i < plan.rlimit_count; ++i) {
    const RaisedRlimit& wanted = plan.rlimits[i];
    auto resource = static_cast<__rlimit_resource>(wanted.resource);
    rlimit now;
    if (getrlimit(resource, &now) != 0 || wanted.hard <= now.rlim_max) continue;
    now.rlim_max = wanted.hard;  // srt-init sets the soft one, last
    if (setrlimit(resource, &now) != 0) {
      give_up(plan, "/process/rlimits",
              "a hard limit above the runtime's own needs CAP_SYS_RESOURCE");
    }
  }
}

// A namespace that the initial user namespace owns can be joined only before we leave that; one that
// the container's user namespace owns only after.
void join_what_can_be(StagePlan& plan, bool last_chance) {
  for (size_t i = 0; i < plan.join_count; ++i) {
    StageJoin& join = plan.joins[i];
    if (join.done) continue;
    if (setns(join.fd, join.clone_flag) == 0) {
      join.done = true;
    } else if (last_chance || errno != EPERM) {
      give_up(plan, "/linux/namespaces", join.path);
    }
  }
}

// Nobody leaves the user namespace: there is but one chance.
void join_all(const StagePlan& plan, int except = 0) {
  for (size_t i = 0; i < plan.join_count; ++i) {
    const StageJoin& join = plan.joins[i];
    if (join.clone_flag == except) continue;
    if (setns(join.fd, join.clone_flag) != 0) give_up(plan, "/linux/namespaces", join.path);
  }
}

void become_root_inside(const StagePlan& plan) {
  if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
    give_up(plan, "user namespace", "become its root");
}

void write_own(const StagePlan& plan, const char* file, const char* text, const char* pointer) {
  const int fd = open(file, O_WRONLY | O_CLOEXEC);
  const auto size = static_cast<ssize_t>(strlen(text));
  if (fd < 0 || write(fd, text, static_cast<size_t>(size)) != size) {
    give_up(plan, pointer, "cannot be written");
  }
  close(fd);
}

// user_namespaces(7): without privilege one id may be mapped, the own one, and groups only where nobody can drop
// any more.
void write_own_maps(const StagePlan& plan) {
  write_own(plan, "/proc/self/setgroups", "deny", "/linux/gidMappings");
  write_own(plan, "/proc/self/uid_map", plan.uid_map, "/linux/uidMappings");
  write_own(plan, "/proc/self/gid_map", plan.gid_map, "/linux/gidMappings");
}

void enter_user_namespace(const StagePlan& plan) {
  if (plan.new_user) {
    if (unshare(CLONE_NEWUSER) != 0) {
      give_up(plan, "user namespace", "cannot be made; `srt-runtime doctor` says what forbids it");
    }
    if (plan.uid_map != nullptr) {
      write_own_maps(plan);
    } else {
      say_and_wait(plan, StageReport::Type::kUserNamespace);
    }
    become_root_inside(plan);
    // Nobody else is in it yet; the runtime must be able to write our /proc files.
    prctl(PR_SET_DUMPABLE, 1);
  } else if (plan.joined_user >= 0) {
    // Others may be in it: we stay closed to them (CVE-2016-9962).
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setns(plan.joined_user, CLONE_NEWUSER) != 0) {
      give_up(plan, "user namespace", "join it");
    }
    become_root_inside(plan);
  }
  die_with_runtime(plan);
}

void pass_on(const int* fds, size_t count) {
  for (size_t i = 0; i < count; ++i) fcntl(fds[i], F_SETFD, 0);
}

[[noreturn]] void become_init(const StagePlan& plan) {
  // A is the runtime's child (CLONE_PARENT), so that engines can wait for it once that has ended.
  if (int error = enter_cgroup(*plan.cgroup)) give_up(plan, "cgroup", "cannot be entered", error);
  pass_on(plan.init_fds, plan.init_fd_count);
  char* environment[] = {nullptr};
  execveat(plan.init_program, "", plan.init_argv, environment, AT_EMPTY_PATH);
  give_up(plan, "srt-init", "cannot be run from memory");
}

// Sharing our memory until it has become srt-init, for which we wait. Not into a v2 control group, which only clone3
// can, and that cannot give it a stack of its own.
pid_t spawn_init(const StagePlan& plan) {
  alignas(16) char stack[kStack];
  auto child = [](void* its_plan) -> int { become_init(*static_cast<const StagePlan*>(its_plan)); };
  return clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PARENT,
               const_cast<StagePlan*>(&plan));
}

StageReport give_birth(const StagePlan& plan) {
  bool in_v2 = true;
  pid_t pid = plan.cgroup->v2 || plan.new_time
                  ? clone_into_cgroup(*plan.cgroup, CLONE_PARENT, 0, in_v2)
                  : spawn_init(plan);
  if (pid < 0) give_up(plan, "process", "clone");
  if (pid == 0) become_init(plan);
  return {StageReport::Type::kBorn, pid, in_v2 ? 0 : 1, {}, {}};
}

void make_namespaces(const StagePlan& plan) {
  if (plan.new_time) {
    if (unshare(CLONE_NEWTIME) != 0) give_up(plan, "time namespace", "cannot be made");
    if (plan.has_time_offsets) say_and_wait(plan, StageReport::Type::kTimeNamespace);
  }
  // Not CLONE_NEWPID in clone3: this way bwrap's child is born into the namespace too and can mount its
  // procfs. (bwrap's own --pidns would fork once more and wait for an orphan that the namespace's first
  // process, ours, has inherited.) A pid namespace that exists is srt-init's to join: bwrap stays out,
  // and whoever appears in it runs the sealed copy already.
  if (plan.new_pid && unshare(CLONE_NEWPID) != 0) give_up(plan, "pid namespace", "cannot be made");
}

// A mount of the host's tree that is shared (systemd makes "/" so) brings what the host mounts while the container
// runs: with the host's options, so writable where the rules let nothing be written, and over what they hide. bwrap
// makes its tree a slave, which still receives, and has no option for more: so it begins in one that is private.
void leave_the_hosts_mounts(const StagePlan& plan) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    give_up(plan, "mount namespace", "cannot be made private");
  }
}

[[noreturn]] void become_bwrap(const StagePlan& plan) {
  signal(SIGCHLD, SIG_DFL);  // bwrap 0.8.0 waits for ever where it is ignored
  dup2(plan.bwrap_errors, 2);
  pass_on(plan.bwrap_fds, plan.bwrap_fd_count);
  char* environment[] = {nullptr};
  execve(plan.bwrap_argv[0], plan.bwrap_argv, environment);
  give_up(plan, "bwrap", "cannot be run");
}

}  // namespace

void run_stage(StagePlan& plan) {
  die_with_runtime(plan);
  set_while_privileged(plan);
  bool leaves = plan.new_user || plan.joined_user >= 0;
  join_what_can_be(plan, !leaves);
  enter_user_namespace(plan);
  join_what_can_be(plan, true);
  make_namespaces(plan);
  say(plan, give_birth(plan));
  if (plan.keeps_mounts) leave_the_hosts_mounts(plan);
  become_bwrap(plan);
}

// Namespaces of time: the kernel lets nobody in whose memory is shared (EUSERS), and the runtime writes the
// offsets. A namespace that exists has others in it, to whom we close our memory, which must not be the runtime's.
bool needs_no_answer(const StagePlan& plan) {
  return !plan.new_time && plan.joined_user < 0 && (!plan.new_user || plan.uid_map != nullptr);
}

pid_t spawn_stage(StagePlan& plan) {
  // In the runtime's memory, of which it changes nothing but this and what is the plan's: no page tables to copy,
  // and none to copy back piece by piece.
  alignas(16) char stack[2 * kStack];
  auto child = [](void* its_plan) -> int { run_stage(*static_cast<StagePlan*>(its_plan)); };
  return clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &plan);
}

pid_t spawn_bwrap(const StagePlan& plan) {
  alignas(16) char stack[kStack];  // as above
  auto child = [](void* its_plan) -> int {
    // The kernel lets nobody whose memory is shared into a time namespace (EUSERS), and bwrap needs none.
    join_all(*static_cast<const StagePlan*>(its_plan), CLONE_NEWTIME);
    become_bwrap(*static_cast<const StagePlan*>(its_plan));
  };
  return clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD,
               const_cast<StagePlan*>(&plan));
}

pid_t spawn_first_process(const StagePlan& plan, bool& in_v2) {
  const pid_t pid =
      clone_into_cgroup(*plan.cgroup, plan.new_pid ? CLONE_NEWPID : 0, SIGCHLD, in_v2);
  if (pid != 0) return pid;
  set_while_privileged(plan);
  join_all(plan);
  become_init(plan);
}

void run_birth_stage(StagePlan& plan) {
  die_with_runtime(plan);
  set_while_privileged(plan);
  join_all(plan);
  make_namespaces(plan);
  say(plan, give_birth(plan));
  _exit(0);
}

}  // namespace srt::platform
