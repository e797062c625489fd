// One more process in a container that runs.
//
//   runtime ── fork ── srt-init enter (host's namespaces, in the container's cgroup)
//                        └─ setns; clone3(PARENT) ── the program's process: the runtime's own child
//
// Never through bwrap: the process may get privileges that bwrap's descendants cannot have.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci/state.h"
#include "platform/linux/draft.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/init_channel.h"
#include "platform/linux/init_program.h"
#include "platform/linux/namespaces.h"
#include "platform/linux/scope.h"
#include "platform/platform.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

using InitPlan = init::InitPlan<wire::Owned>;

// The processes that exec makes; whatever is still ours at the end of a failed call is ended.
struct Birth {
  pid_t helper = -1;
  pid_t child = -1;
  bool released = false;

  ~Birth() {
    reap(helper);
    if (released || child <= 0) return;
    kill(child, SIGKILL);  // our own child, not reaped yet
    reap(child);
  }
  // The helper's exit code, once it has ended.
  int end_of_helper() {
    int status = 0;
    sys::retry([&] { return waitpid(helper, &status, 0); });
    helper = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static void reap(pid_t pid) {
    if (pid > 0) sys::retry([&] { return waitpid(pid, nullptr, 0); });
  }
};

constexpr int kNotEntered = 3;  // how a helper ends that could not enter the container's cgroups

[[noreturn]] void become_helper(const CgroupEntry& cgroup, int init_program, char* const* argv,
                                const std::vector<int>& fds, int gate, pid_t parent,
                                const std::string& affinity) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  if (!affinity.empty()) (void)syscall(SYS_sched_setaffinity, 0, affinity.size(), affinity.data());
  if (enter_cgroup(cgroup) != 0) _exit(kNotEntered);
  char byte;
  if (sys::retry([&] { return read(gate, &byte, 1); }) != 1) _exit(1);  // until we are in v2's too
  for (int fd : fds) fcntl(fd, F_SETFD, 0);
  char* environment[] = {nullptr};
  execveat(init_program, "", argv, environment, AT_EMPTY_PATH);
  _exit(1);
}

using Directories = std::map<std::string, std::string>;

// `inside` below each of the container's cgroups whose hierarchy is meant.
Result<void> go_below(Directories& directories, const std::string& controllers,
                      const std::string& inside) {
  // The parent's limits are wider than the container's, and its processes are others'.
  if (("/" + inside + "/").find("/../") != std::string::npos) {
    return fail("--cgroup", "bad sub cgroup path: \"" + inside + "\"",
                "\"..\" leaves the container");
  }
  bool known = false, found = false;
  for (auto& [names, directory] : directories) {
    const bool meant = controllers.empty() ||
                       ("," + controllers + ",").find("," + names + ",") != std::string::npos ||
                       ("," + names + ",").find("," + controllers + ",") != std::string::npos;
    if (!meant) continue;
    known = true;
    // Of all hierarchies: those in which somebody has made it. As crun; runc wants it in each.
    const std::string below = directory + "/" + inside;
    if (access(below.c_str(), F_OK) != 0) continue;
    found = true;
    directory = below;
  }
  if (found) return {};
  if (known) return fail_errno("--cgroup", "sub cgroup " + inside, ENOENT);
  return fail("--cgroup", "unknown controller \"" + controllers + "\"");
}

Result<Directories> cgroups_of(const Handle& handle, const std::vector<std::string>& wanted) {
  Directories directories = handle.cgroups;
  for (const std::string& text : wanted) {
    const size_t colon = text.find(':');
    const std::string controllers = colon == std::string::npos ? "" : text.substr(0, colon);
    SRT_TRY(go_below(directories, controllers,
                     colon == std::string::npos ? text : text.substr(colon + 1)));
  }
  return directories;
}

Result<InitPlan> plan_exec(const Handle& handle, const oci::Spec& spec, const oci::Process& process,
                           const ExecOptions& options) {
  SRT_ASSIGN(HostFacts host, read_host_facts());
  const oci::Linux os = spec.linux_ ? *spec.linux_ : oci::Linux{};
  InitPlan init;
  SRT_ASSIGN(init.target_namespaces, foreign_namespaces(handle.init));
  // As with runc: it lives among the container's processes, which could act through it on the caller's group.
  ProcessContext context{
      .host = host, .os = os, .keyring = "", .foreground = options.foreground, .own_session = true};
  context.new_user_namespace = (init.target_namespaces & CLONE_NEWUSER) != 0;
  if (context.new_user_namespace) {
    auto setgroups = read_file("/proc/" + std::to_string(handle.init) + "/setgroups");
    context.maps =
        setgroups && setgroups->rfind("deny", 0) == 0 ? MapWriter::kStage : MapWriter::kRuntime;
  }
  std::vector<std::string> ignored;
  SRT_ASSIGN(init.process, plan_process(process, context, {ignored, ignored}));
  init.process.guard_sockets = options.egress;
  if (options.own_filter) SRT_TRY(plan_own_filter(*options.own_filter, init.process));
  if (os.seccomp) SRT_TRY(plan_seccomp(*os.seccomp, init.process, ignored));
  init.fds.preserved = options.preserve_fds;
  return init;
}

}  // namespace

Result<ExecChild> exec(const Handle& handle, const oci::Spec& spec, const oci::Process& process,
                       const ExecOptions& options) {
  close_range(3 + options.preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC);
  SRT_ASSIGN(UniqueFd target, open_init(handle));
  SRT_ASSIGN(InitPlan init, plan_exec(handle, spec, process, options));
  SRT_ASSIGN(auto channel_pair, make_socket_pair(SOCK_STREAM));
  UniqueFd console, agent;
  if (!options.console_socket.empty()) {
    SRT_ASSIGN(console, connect_unix(options.console_socket, "--console-socket"));
  }
  const oci::Seccomp* seccomp =
      spec.linux_ && spec.linux_->seccomp ? &*spec.linux_->seccomp : nullptr;
  if (options.broker >= 0) {
    agent.reset(fcntl(options.broker, F_DUPFD_CLOEXEC, 0));
    if (!agent) return fail_errno("file broker", "take its socket");
  } else if (seccomp != nullptr && !seccomp->listener_path.value_or("").empty()) {
    SRT_ASSIGN(agent, connect_unix(*seccomp->listener_path, "/linux/seccomp/listenerPath"));
  }
  SRT_ASSIGN(UniqueFd init_program, open_init_program());
  init.fds.channel = channel_pair.second.get();
  init.fds.console = console.get();
  init.fds.seccomp_agent = agent.get();
  init.fds.target = target.get();
  SRT_ASSIGN(UniqueFd plan_file, seal_bytes("srt-plan", wire::encode(init)));
  std::vector<int> fds = {plan_file.get(), channel_pair.second.get(), target.get()};
  for (int fd : {console.get(), agent.get()}) {
    if (fd >= 0) fds.push_back(fd);
  }
  std::string number = std::to_string(plan_file.get());
  char name[] = "srt-init", mode[] = "enter";
  char* argv[] = {name, mode, number.data(), nullptr};

  SRT_ASSIGN(const Directories cgroups, cgroups_of(handle, options.cgroups));
  const bool taken_in = !handle.scope.empty() && options.cgroups.empty() && !is_host_root();
  SRT_ASSIGN(const CgroupEntry cgroup, open_cgroup(taken_in ? Directories() : cgroups));
  Birth birth;  // before the gate, so that a helper waiting there sees its end first
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) != 0) return fail_errno("pipe", "");
  UniqueFd gate_read(gate[0]), gate_write(gate[1]);
  pid_t parent = getpid();
  bool in_v2 = false;
  birth.helper = clone_into_cgroup(cgroup, 0, SIGCHLD, in_v2);
  if (birth.helper < 0) return fail_errno("process", "fork");
  if (birth.helper == 0) {
    channel_pair.first.reset();
    gate_write.reset();
    become_helper(cgroup, init_program.get(), argv, fds, gate_read.get(), parent,
                  init.process.affinity_initial);
  }
  channel_pair.second.reset();
  target.reset();
  console.reset();
  agent.reset();
  InitChannel channel(std::move(channel_pair.first));
  if (process.oom_score_adj) {  // from outside: the host's procfs is gone after the join
    auto set = write_file("/proc/" + std::to_string(birth.helper) + "/oom_score_adj",
                          std::to_string(*process.oom_score_adj));
    if (!set) {
      return fail("/process/oomScoreAdj", set.error().why,
                  "lowering it needs CAP_SYS_RESOURCE in the initial user namespace");
    }
  }
  if (taken_in) {
    SRT_ASSIGN(Scope scope, Scope::open(handle.scope));
    SRT_TRY(scope.take_in(birth.helper));
  } else if (auto v2 = cgroups.find(""); v2 != cgroups.end() && !in_v2) {
    SRT_TRY(join_cgroup({*v2}, birth.helper));
  }
  (void)!write(gate_write.get(), "g", 1);
  gate_write.reset();

  auto born = channel.expect(init::Message::kChild);
  if (!born) {
    if (birth.end_of_helper() == kNotEntered) {
      return fail("cgroup", "the container's cannot be entered");
    }
    return fail(std::move(born).error());
  }
  birth.child = static_cast<pid_t>(strtol(born->payload.c_str(), nullptr, 10));
  SRT_TRY(channel.send(init::Message::kGo));
  SRT_ASSIGN(InitMessage ready, channel.expect(init::Message::kReady));
  UniqueFd pidfd(sys::pidfd_open(birth.child));
  if (!options.pidfd_socket.empty()) {
    SRT_ASSIGN(UniqueFd socket, connect_unix(options.pidfd_socket, "--pidfd-socket"));
    SRT_TRY(send_with_descriptor(socket.get(), "pidfd", pidfd.get()));
  }
  init::Release<wire::Owned> release;
  if (init.fds.seccomp_agent >= 0) {
    oci::ContainerProcessState state;
    state.oci_version = spec.oci_version;
    state.fds = std::vector<std::string>{"seccompFd"};
    state.pid = birth.child;
    if (seccomp != nullptr && seccomp->listener_metadata)
      state.metadata = seccomp->listener_metadata;
    state.state = {spec.oci_version, options.id,     oci::Status::kRunning,
                   handle.init,      options.bundle, spec.annotations};
    release.seccomp_state = oci::print(state);
  }
  SRT_TRY(channel.send(init::Message::kCommit, wire::encode(release)));
  SRT_TRY(channel.expect_end());
  birth.released = true;
  return ExecChild{birth.child, std::move(ready.descriptor)};
}

}  // namespace srt::platform
