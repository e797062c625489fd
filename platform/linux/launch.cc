// The one interpreter of a plan.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "oci/state.h"
#include "platform/linux/content.h"
#include "platform/linux/id_maps.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/init_channel.h"
#include "platform/linux/init_program.h"
#include "platform/linux/namespaces.h"
#include "platform/linux/net_devices.h"
#include "platform/linux/process_info.h"
#include "platform/linux/rdt.h"
#include "platform/linux/stage.h"
#include "platform/linux/trees.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

// bwrap's command line with the numbers that its descriptors have got.
std::vector<std::string> command_line(const Plan::Content& plan, int holder, int socket) {
  std::vector<std::string> words = {plan.bwrap};
  auto fill = [](std::string word, const std::string& name, int fd) {
    size_t at = word.find(name);
    if (at != std::string::npos) word.replace(at, name.size(), std::to_string(fd));
    return word;
  };
  for (const BwrapOp& op : plan.base) {
    // Only our own words can hold a name: paths of the bundle are absolute.
    for (const std::string& word : op.words) {
      bool ours = word[0] == '@' || word == "/proc/self/fd/@holder";
      words.push_back(ours ? fill(fill(word, "@holder", holder), "@socket", socket) : word);
    }
  }
  return words;
}

std::vector<char*> as_argv(std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return argv;
}

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
  bool cgroup_made = false;
  bool in_v2_cgroup = false;
  bool entered = false;  // it was told to enter before it said that it had built
  bool committed = false;
  int was_subreaper = 0;

  const Plan::Content& content() const { return plan.content(); }

  ~Impl() {
    if (!committed) undo();
  }

  struct Joined {
    std::vector<UniqueFd> fds;
    std::vector<StageJoin> joins;
    int pid_namespace = -1;
  };

  Result<void> spawn(UniqueFd start_gate, UniqueFd start_report, Sidecars sidecars);
  Result<void> open_joined(Joined& joined, StagePlan& stage_plan);
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
    (void)remove_cgroup(handle.cgroups);
  }
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

// The namespaces that are joined by path: the user and pid namespaces have steps of their own.
Result<void> Launch::Impl::open_joined(Joined& joined, StagePlan& stage_plan) {
  for (const JoinedNamespace& join : content().joins) {
    UniqueFd fd(open(join.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_errno("/linux/namespaces", join.path);
    int flag = static_cast<int>(kind_of(join.type).clone_flag);
    if (join.type == oci::NamespaceType::kUser) {
      stage_plan.joined_user = fd.get();
    } else if (join.type == oci::NamespaceType::kPid) {
      joined.pid_namespace = fd.get();
    } else {
      joined.joins.push_back({fd.get(), flag, join.path.c_str()});
    }
    joined.fds.push_back(std::move(fd));
  }
  stage_plan.joins = joined.joins.data();
  stage_plan.join_count = joined.joins.size();
  return {};
}

Result<void> Launch::Impl::spawn(UniqueFd start_gate, UniqueFd start_report, Sidecars sidecars) {
  const Plan::Content& content = this->content();
  init::InitPlan<wire::Owned> init = content.init;

  SRT_ASSIGN(auto channel_pair, make_socket_pair(SOCK_STREAM));
  SRT_ASSIGN(auto holder_pair, make_socket_pair(SOCK_STREAM));
  SRT_ASSIGN(auto stage_pair, make_socket_pair(SOCK_SEQPACKET));
  channel = InitChannel(std::move(channel_pair.first));
  stage_socket = std::move(stage_pair.first);
  UniqueFd console, agent;
  if (!content.console_socket.empty()) {
    SRT_ASSIGN(console, connect_unix(content.console_socket, "--console-socket"));
  }
  if (sidecars.broker) {
    agent = std::move(sidecars.broker);
  } else if (content.has_seccomp_agent) {
    SRT_ASSIGN(agent, connect_unix(content.seccomp_listener, "/linux/seccomp/listenerPath"));
  }
  SRT_ASSIGN(UniqueFd holder_program, make_holder_program());
  int errors[2];
  if (pipe2(errors, O_CLOEXEC) != 0) return fail_errno("pipe", "");
  bwrap_errors.reset(errors[0]);
  UniqueFd errors_write(errors[1]);

  StagePlan stage_plan;
  stage_plan.runtime = stage_pair.second.get();
  stage_plan.parent = getpid();
  Joined joined;
  SRT_TRY(open_joined(joined, stage_plan));
  stage_plan.bwrap_errors = errors_write.get();
  std::vector<int> bwrap_fds = {holder_program.get(), holder_pair.second.get()};
  std::vector<std::string> bwrap_words =
      command_line(content, holder_program.get(), holder_pair.second.get());
  std::vector<char*> bwrap_argv = as_argv(bwrap_words);
  stage_plan.bwrap_fds = bwrap_fds.data();
  stage_plan.bwrap_fd_count = bwrap_fds.size();
  stage_plan.bwrap_argv = bwrap_argv.data();

  (void)prctl(PR_GET_CHILD_SUBREAPER, &was_subreaper);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);  // until bwrap is gone
  if (content.bwrap_first) {
    bwrap = spawn_bwrap(stage_plan);
    if (bwrap < 0) return fail_errno("bwrap", "clone");
  }

  SRT_ASSIGN(UniqueFd init_program, open_init_program());
  SRT_TRY(make_cgroup(content.cgroup));  // before the trees: mounts may show it
  cgroup_made = true;
  handle.cgroups = content.cgroup.directories;
  SRT_ASSIGN(const CgroupEntry cgroup, open_cgroup(handle.cgroups));
  SRT_ASSIGN(EarlyTrees trees, make_early_trees(content, init));

  init.fds.channel = channel_pair.second.get();
  init.fds.holder = holder_pair.first.get();
  init.fds.start_gate = start_gate.get();
  init.fds.start_report = start_report.get();
  init.fds.console = console.get();
  init.fds.seccomp_agent = agent.get();
  init.fds.pid_namespace = joined.pid_namespace;
  init.fds.monitor = sidecars.monitor.get();
  SRT_ASSIGN(UniqueFd plan_file, seal_bytes("srt-plan", wire::encode(init)));
  std::vector<int> init_fds = {plan_file.get()};
  for (int64_t fd : {init.fds.channel, init.fds.holder, init.fds.start_gate, init.fds.start_report,
                     init.fds.console, init.fds.seccomp_agent, init.fds.pid_namespace,
                     init.fds.monitor, init.rootfs_tree}) {
    if (fd >= 0) init_fds.push_back(static_cast<int>(fd));
  }
  for (const auto& mount : init.mounts) {
    for (int64_t fd : {mount.tree, mount.idmap}) {
      if (fd >= 0) init_fds.push_back(static_cast<int>(fd));
    }
  }
  std::vector<std::string> init_words = {"srt-init", "contain", std::to_string(plan_file.get())};
  std::vector<char*> init_argv = as_argv(init_words);
  std::string oom = content.oom_score_adj ? std::to_string(*content.oom_score_adj) : "";

  stage_plan.new_user = content.user.writer != MapWriter::kNobody;
  const std::string uid_map = id_map_text(content.user.uids),
                    gid_map = id_map_text(content.user.gids);
  if (content.user.writer == MapWriter::kStage) {
    stage_plan.uid_map = uid_map.c_str();
    stage_plan.gid_map = gid_map.c_str();
  }
  stage_plan.new_pid = (content.unshare & CLONE_NEWPID) != 0;
  stage_plan.new_time = (content.unshare & CLONE_NEWTIME) != 0;
  stage_plan.has_time_offsets = !content.time_offsets.empty();
  stage_plan.cgroup = &cgroup;
  stage_plan.oom_score_adj = content.oom_score_adj ? oom.c_str() : nullptr;
  stage_plan.rlimits = content.rlimits.data();
  stage_plan.rlimit_count = content.rlimits.size();
  stage_plan.init_program = init_program.get();
  stage_plan.init_fds = init_fds.data();
  stage_plan.init_fd_count = init_fds.size();
  stage_plan.init_argv = init_argv.data();
  handle.own_pid_namespace = stage_plan.new_pid;
  if (content.bwrap_first && !stage_plan.new_time) {
    handle.init = spawn_first_process(stage_plan, in_v2_cgroup);
    if (handle.init < 0) return fail_errno("process", "clone3");
  } else if (!content.bwrap_first && needs_no_answer(stage_plan)) {
    stage = spawn_stage(stage_plan);
    if (stage < 0) return fail_errno("process", "clone");
  } else {
    SRT_ASSIGN(stage, fork_stage(stage_plan, content.bwrap_first ? run_birth_stage : run_stage));
  }
  return {};  // everything that only the children need is closed here
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
  if (auto v2 = handle.cgroups.find(""); v2 != handle.cgroups.end() && !in_v2_cgroup) {
    SRT_TRY(join_cgroup({*v2}, handle.init));
  }
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
