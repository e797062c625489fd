// The one interpreter of a plan.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "oci/state.h"
#include "platform/linux/birth.h"
#include "platform/linux/content.h"
#include "platform/linux/id_maps.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/init_channel.h"
#include "platform/linux/net_devices.h"
#include "platform/linux/process_info.h"
#include "platform/linux/rdt.h"
#include "platform/linux/scope.h"
#include "platform/linux/stage.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

Error to_error(const StageReport& report) {
  Error error{report.object, report.why, "", report.code};
  if (report.code != 0) error.why += std::string(": ") + strerror(report.code);
  return error;
}

}  // namespace

struct Launch::Impl {
  explicit Impl(Plan what) : plan(std::move(what)) {}

  Plan plan;
  Handle handle;
  InitChannel channel;
  UniqueFd stage_socket;
  UniqueFd bwrap_errors;
  UniqueFd terminal;
  UniqueFd init_pidfd;
  pid_t stage = -1;  // becomes bwrap, unless that was started first
  pid_t bwrap = -1;
  std::optional<Scope> scope;  // until the first process is in it
  bool cgroup_made = false;
  bool in_v2_cgroup = false;
  bool entered = false;  // it was told to enter before it said that it had built
  bool committed = false;
  int was_subreaper = 0;

  const Plan::Content& content() const { return plan.content(); }

  ~Impl() {
    if (!committed) undo();
  }

  Result<void> spawn(UniqueFd start_gate, UniqueFd start_report, Sidecars sidecars);
  Result<void> start_bwrap(Birth& birth);
  Result<void> make_own_cgroup(Birth& birth);
  Result<void> start_first_process(Birth& birth);
  Result<pid_t> fork_stage(StagePlan& what, void (*part)(StagePlan&));
  Result<void> serve_stage();
  Result<void> let_go();
  Result<void> await_built();
  Result<void> await_ready();
  bool joins_pid_namespace() const {
    return !content().joins.empty() && content().joins.back().type == oci::NamespaceType::kPid;
  }
  void reap_stage();
  int reap_init();
  Error with_bwrap_words(Error error);
  void undo();
};

void Launch::Impl::undo() {
  channel.close();
  if (init_pidfd) (void)sys::pidfd_send_signal(init_pidfd.get(), SIGKILL);
  reap_stage();
  reap_init();
  if (cgroup_made) {
    (void)signal_cgroup(handle.cgroups, SIGKILL);
    if (handle.scope.empty()) (void)remove_cgroup(handle.cgroups);
  }
  scope.reset();
  (void)end_scope(handle);
  remove_rdt_group(handle.rdt_group);
}

// A child that runs `part` of the stage, without the runtime's ends of the sockets: they must not stay
// open behind its back.
Result<pid_t> Launch::Impl::fork_stage(StagePlan& what, void (*part)(StagePlan&)) {
  pid_t pid = fork();
  if (pid < 0) return fail_errno("process", "fork");
  if (pid == 0) {
    channel.close();
    stage_socket.reset();
    part(what);
  }
  return pid;
}

Result<void> Launch::Impl::spawn(UniqueFd start_gate, UniqueFd start_report, Sidecars sidecars) {
  Birth birth(content());
  birth.start_gate = std::move(start_gate);
  birth.start_report = std::move(start_report);
  SRT_TRY(birth.make_sockets());
  channel = InitChannel(std::move(birth.init_channel));
  stage_socket = std::move(birth.stage_socket);
  bwrap_errors = std::move(birth.bwrap_errors);
  SRT_TRY(birth.meet(std::move(sidecars)));
  SRT_TRY(birth.open_joined());
  SRT_TRY(birth.equip_bwrap());
  SRT_TRY(start_bwrap(birth));
  SRT_TRY(make_own_cgroup(birth));
  SRT_TRY(birth.equip_init());
  birth.describe_first_process();
  return start_first_process(birth);
}

// Where nothing of what the others make is needed for it: it works while we go on.
Result<void> Launch::Impl::start_bwrap(Birth& birth) {
  (void)prctl(PR_GET_CHILD_SUBREAPER, &was_subreaper);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);  // until bwrap is gone
  if (!content().bwrap_first) return {};
  bwrap = spawn_bwrap(birth.stage);
  if (bwrap < 0) return fail_errno("bwrap", "clone");
  return {};
}

// Before the mounts, which may show it.
Result<void> Launch::Impl::make_own_cgroup(Birth& birth) {
  const CgroupPlan& wanted = content().cgroup;
  if (wanted.scope) {
    SRT_ASSIGN(scope, Scope::make(*wanted.scope, "srt-runtime container " + content().id));
    handle.scope = wanted.scope->unit;
  }
  SRT_TRY(make_cgroup(wanted));
  cgroup_made = true;
  handle.cgroups = wanted.directories;
  if (scope && !is_host_root()) return {};  // born outside, and taken in
  SRT_ASSIGN(birth.cgroup, open_cgroup(handle.cgroups));
  return {};
}

Result<void> Launch::Impl::start_first_process(Birth& birth) {
  StagePlan& what = birth.stage;
  const bool bwrap_first = content().bwrap_first;
  handle.own_pid_namespace = what.new_pid;
  if (bwrap_first && !what.new_time) {
    handle.init = spawn_first_process(what, in_v2_cgroup);
    if (handle.init < 0) return fail_errno("process", "clone3");
  } else if (!bwrap_first && needs_no_answer(what)) {
    stage = spawn_stage(what);
    if (stage < 0) return fail_errno("process", "clone");
  } else {
    SRT_ASSIGN(stage, fork_stage(what, bwrap_first ? run_birth_stage : run_stage));
  }
  return {};
}

Result<void> Launch::Impl::serve_stage() {
  const Plan::Content& content = this->content();
  while (handle.init == 0) {
    StageReport report{};
    ssize_t n = sys::retry([&] { return recv(stage_socket.get(), &report, sizeof report, 0); });
    if (n != sizeof report) return fail("process", "the stage ended before the container was born");
    switch (report.type) {
      case StageReport::Type::kUserNamespace:
        SRT_TRY(write_id_maps(content.user, stage));
        (void)send(stage_socket.get(), "m", 1, MSG_NOSIGNAL);
        break;
      case StageReport::Type::kTimeNamespace:
        if (auto written = write_file("/proc/" + std::to_string(stage) + "/timens_offsets",
                                      content.time_offsets);
            !written) {
          return fail("/linux/timeOffsets", written.error().why);
        }
        (void)send(stage_socket.get(), "t", 1, MSG_NOSIGNAL);
        break;
      case StageReport::Type::kBorn:
        handle.init = report.pid;
        in_v2_cgroup = report.code == 0;
        break;
      case StageReport::Type::kFailed: return fail(to_error(report));
    }
  }
  if (joins_pid_namespace()) {  // srt-init went in and gave birth there
    SRT_ASSIGN(InitMessage born, channel.expect(init::Message::kChild));
    reap_init();
    handle.init = static_cast<pid_t>(strtol(born.payload.c_str(), nullptr, 10));
  }
  init_pidfd.reset(sys::pidfd_open(handle.init));
  if (!init_pidfd) return fail_errno("process", "pidfd_open");
  SRT_ASSIGN(handle.init_start, start_time(handle.init));
  return {};
}

// bwrap ends by itself: its holder has been joined, or the container's first process is dying, which
// closes the holder's socket and, with a pid namespace of its own, kills the holder. It is never
// killed by us: it must reap its child, for which the end of the pid namespace waits.
void Launch::Impl::reap_stage() {
  stage_socket.reset();  // a stage that still waits for an answer ends, too
  for (pid_t* child : {&stage, &bwrap}) {
    if (*child > 0) sys::retry([&] { return waitpid(*child, nullptr, 0); });
    *child = -1;
  }
  (void)prctl(PR_SET_CHILD_SUBREAPER, was_subreaper);
}

// Its wait status; 0 where there was none to reap.
int Launch::Impl::reap_init() {
  // Children that a bwrap left when somebody killed it are ours now (subreaper). The end of the pid
  // namespace waits for them to be reaped, and the first process for that: so reap whoever comes.
  int status = 0;
  while (handle.init > 0) {
    pid_t pid = sys::retry([&] { return waitpid(-1, &status, 0); });
    if (pid == handle.init || pid < 0) handle.init = 0;
  }
  return status;
}

// What bwrap said is why srt-init found nobody to join.
Error Launch::Impl::with_bwrap_words(Error error) {
  // A report that came after the birth: bwrap, or the first process, could not even be started.
  StageReport report{};
  if (stage_socket &&
      recv(stage_socket.get(), &report, sizeof report, MSG_DONTWAIT) == sizeof report &&
      report.type == StageReport::Type::kFailed) {
    return to_error(report);
  }
  if (!bwrap_errors || (error.object != "bwrap" && error.code != EPIPE)) return error;
  reap_stage();
  int status = reap_init();
  if (error.code == EPIPE && WIFSIGNALED(status)) {
    error.why = std::string("was killed by ") + strsignal(WTERMSIG(status)) +
                " while it made the container";
    if (!content().cgroup.directories.empty()) error.mend = "is the memory limit too small?";
    return error;
  }
  fcntl(bwrap_errors.get(), F_SETFL, O_NONBLOCK);
  char words[1024];
  ssize_t n = read(bwrap_errors.get(), words, sizeof words);
  if (n <= 0) return error;
  std::string said(words, static_cast<size_t>(n));
  while (!said.empty() && said.back() == '\n') said.pop_back();
  for (char& c : said) c = c == '\n' ? ' ' : c;
  error.object = "bwrap";
  error.why = said.rfind("bwrap: ", 0) == 0 ? said.substr(7) : said;
  error.mend = "`srt-runtime doctor` checks what bwrap needs";
  return error;
}

Launch::Launch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Launch::Launch(Launch&&) noexcept = default;
Launch& Launch::operator=(Launch&&) noexcept = default;
Launch::~Launch() = default;

const Handle& Launch::handle() const { return impl_->handle; }

Result<Launch> Launch::spawn(const Plan& plan, UniqueFd start_gate, UniqueFd start_report,
                             Sidecars sidecars) {
  // What the caller left open goes no further than to us: a container that waits for `start` (or
  // srt-monitor beside it) would keep a pipe from its end.
  close_range(static_cast<unsigned>(3 + plan.content().init.fds.preserved), ~0u,
              CLOSE_RANGE_CLOEXEC);
  auto impl = std::make_unique<Impl>(plan);
  SRT_TRY(impl->spawn(std::move(start_gate), std::move(start_report), std::move(sidecars)));
  if (auto served = impl->serve_stage(); !served) {
    return fail(impl->with_bwrap_words(std::move(served).error()));
  }
  return Launch(std::move(impl));
}

Result<void> Launch::build(std::string_view enter_at_once) {
  Impl& impl = *impl_;
  if (auto ready = impl.let_go(); !ready) {
    return fail(impl.with_bwrap_words(std::move(ready).error()));
  }
  impl.entered = !enter_at_once.empty() && impl.content().net_devices.empty();
  if (impl.entered) return impl.channel.send(init::Message::kEnter, enter_at_once);
  return impl.await_built();
}

// The first process is where it belongs on the host, and may go on.
Result<void> Launch::Impl::let_go() {
  if (scope && !is_host_root()) {
    SRT_TRY(scope->take_in(handle.init));
  } else if (auto v2 = handle.cgroups.find(""); v2 != handle.cgroups.end() && !in_v2_cgroup) {
    SRT_TRY(join_cgroup({*v2}, handle.init));
  }
  scope.reset();  // somebody is in it now
  if (content().rdt) {
    SRT_ASSIGN(handle.rdt_group, join_rdt_group(*content().rdt, content().id, handle.init));
  }
  return channel.send(init::Message::kGo);
}

Result<void> Launch::Impl::await_built() {
  if (auto built = channel.expect(init::Message::kBuilt); !built) {
    return fail(with_bwrap_words(std::move(built).error()));
  }
  SRT_TRY(move_net_devices(content().net_devices, handle.init));
  handle.mount_namespace = mount_namespace_id(handle.init);
  return {};
}

Result<void> Launch::enter(std::string_view hook_state_creating) {
  Impl& impl = *impl_;
  if (impl.entered) {
    SRT_TRY(impl.await_built());
  } else {
    SRT_TRY(impl.channel.send(init::Message::kEnter, hook_state_creating));
  }
  if (!impl.content().init.file_rules) return impl.await_ready();
  return impl.channel.expect(init::Message::kStanding).map([](const InitMessage&) {});
}

Result<void> Launch::seal(std::string_view file_rules) {
  SRT_TRY(impl_->channel.send(init::Message::kFileRules, file_rules));
  return impl_->await_ready();
}

Result<void> Launch::Impl::await_ready() {
  SRT_ASSIGN(InitMessage ready, channel.expect(init::Message::kReady));
  terminal = std::move(ready.descriptor);
  if (!content().pidfd_socket.empty()) {
    SRT_ASSIGN(UniqueFd socket, connect_unix(content().pidfd_socket, "--pidfd-socket"));
    SRT_TRY(send_with_descriptor(socket.get(), "pidfd", init_pidfd.get()));
  }
  reap_stage();
  bwrap_errors.reset();
  return {};
}

Result<void> Launch::commit(std::string_view hook_state_created) {
  Impl& impl = *impl_;
  const Plan::Content& content = impl.content();
  init::Release<wire::Owned> release;
  release.hook_state = hook_state_created;
  if (content.has_seccomp_agent) {
    oci::ContainerProcessState state;
    state.oci_version = content.oci_version;
    state.fds = std::vector<std::string>{"seccompFd"};
    state.pid = impl.handle.init;
    if (!content.seccomp_metadata.empty()) state.metadata = content.seccomp_metadata;
    state.state = {content.oci_version, content.id,     oci::Status::kCreating,
                   impl.handle.init,    content.bundle, content.annotations};
    release.seccomp_state = oci::print(state);
  }
  SRT_TRY(impl.channel.send(init::Message::kCommit, wire::encode(release)));
  impl.channel.close();
  impl.committed = true;
  return {};
}

UniqueFd Launch::take_terminal() { return std::move(impl_->terminal); }

}  // namespace srt::platform
