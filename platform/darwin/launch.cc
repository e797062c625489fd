// The one interpreter of a plan.
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "oci/state.h"
#include "platform/darwin/companion.h"
#include "platform/darwin/content.h"
#include "platform/darwin/held.h"
#include "platform/darwin/process.h"
#include "platform/darwin/profile_trial.h"
#include "platform/darwin/run_profile.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

oci::State state_of(const Plan::Content& plan, pid_t pid) {
  oci::State state;
  state.oci_version = plan.oci_version;
  state.id = plan.id;
  state.status = oci::Status::kCreated;
  state.pid = pid;
  state.bundle = plan.bundle;
  state.annotations = plan.annotations;
  return state;
}

}  // namespace

struct Launch::Impl {
  explicit Impl(Plan what) : plan(std::move(what)) {}
  ~Impl() {
    if (!committed) undo();
  }

  const Plan::Content& content() const { return plan.content(); }
  Result<void> spawn(UniqueFd gate, UniqueFd report);
  void undo();

  Plan plan;
  Handle handle;
  UniqueFd commit;  // the end of it is the end of the child
  UniqueFd terminal, console, violations;
  bool made_tmpdir = false, committed = false;
};

void Launch::Impl::undo() {
  commit.reset();
  if (handle.init > 0) {
    kill(handle.init, SIGKILL);
    while (waitpid(handle.init, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (made_tmpdir) (void)rmdir(handle.own_tmpdir.c_str());
}

Result<void> Launch::Impl::spawn(UniqueFd gate, UniqueFd report) {
  const Plan::Content& content = this->content();
  handle = content.foreseen;
  SRT_TRY(darwin::try_profile(content.process.profile));
  if (!handle.own_tmpdir.empty()) {
    // Not one that is there: its owner would read and plant what is in it.
    if (mkdir(handle.own_tmpdir.c_str(), 0700) != 0) return fail_errno(handle.own_tmpdir, "make");
    made_tmpdir = true;
    if (content.process.uid &&
        chown(handle.own_tmpdir.c_str(), *content.process.uid, content.process.gid) != 0) {
      return fail_errno(handle.own_tmpdir, "give to the program's user");
    }
  }
  if (!content.console_socket.empty()) {
    SRT_ASSIGN(console, connect_unix(content.console_socket, "--console-socket"));
  }
  darwin::Terminal pair;
  if (content.process.terminal) {
    SRT_ASSIGN(pair, darwin::open_terminal(content.process.console_size));
  }
  SRT_ASSIGN(Pipe gate_of_commit, make_pipe());
  const darwin::HeldFds fds{gate_of_commit.read_end.get(), gate.get(), report.get(),
                            pair.slave.get()};
  const pid_t child = fork();
  if (child < 0) return fail_errno("process", "fork");
  if (child == 0) {
    darwin::hold(content.process, fds, !content.foreground || content.process.terminal,
                 content.preserve_fds, content.start_container_hooks,
                 oci::print(state_of(content, getpid())), content.bundle);
  }
  commit = std::move(gate_of_commit.write_end);
  terminal = std::move(pair.master);
  handle.init = child;
  SRT_ASSIGN(const darwin::ProcessInfo info, darwin::process_info(child));
  handle.init_start = info.start;
  return {};
}

Launch::Launch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Launch::Launch(Launch&&) noexcept = default;
Launch& Launch::operator=(Launch&&) noexcept = default;
Launch::~Launch() = default;

const Handle& Launch::handle() const { return impl_->handle; }

Result<Launch> Launch::spawn(const Plan& plan, UniqueFd start_gate, UniqueFd start_report,
                             Sidecars sidecars) {
  auto impl = std::make_unique<Impl>(plan);
  impl->violations = std::move(sidecars.violations);
  SRT_TRY(impl->spawn(std::move(start_gate), std::move(start_report)));
  return Launch(std::move(impl));
}

// There is nothing to build: the host's tree is the container's.
Result<void> Launch::build(std::string_view) { return {}; }

Result<void> Launch::enter(std::string_view hook_state_creating) {
  for (const oci::Hook& hook : impl_->content().create_container_hooks) {
    SRT_TRY(run_hook(hook, hook_state_creating, impl_->content().bundle));
  }
  if (!impl_->console) return {};
  SRT_TRY(send_with_descriptor(impl_->console.get(), "master", impl_->terminal.get()));
  impl_->console.reset();
  impl_->terminal.reset();
  return {};
}

// Filesystem rules of a bundle are refused where root.path is "/", which it always is here.
Result<void> Launch::seal(std::string_view) {
  return fail("filesystem rules", "there is no tree of the container's own on macOS",
              "run the command with srt");
}

Result<void> Launch::commit(std::string_view) {
  SRT_TRY(darwin::start_companion(
      {impl_->handle, impl_->content().die_with_caller, std::move(impl_->violations)}));
  if (write(impl_->commit.get(), "c", 1) != 1) {
    return fail_errno("container", "let its first process wait for start");
  }
  impl_->committed = true;
  impl_->commit.reset();
  return {};
}

UniqueFd Launch::take_terminal() { return std::move(impl_->terminal); }

Result<ExecChild> exec(const Handle& handle, const oci::Spec& spec, const oci::Process& process,
                       const ExecOptions& options) {
  if (!options.cgroups.empty()) {
    return fail("--cgroup", "macOS has no control groups", "leave it out");
  }
  if (!options.pidfd_socket.empty()) {
    return fail("--pidfd-socket", "macOS has no pidfds", "leave it out");
  }
  oci::Spec changed = spec;
  changed.process = process;
  SRT_ASSIGN(darwin::ProcessPlan plan, darwin::plan_process(process, handle.run));
  SRT_ASSIGN(darwin::RunProfile profile,
             darwin::run_profile({changed, {}, handle, options.egress, options.state_folder}));
  SRT_TRY(darwin::try_profile(profile.text));
  plan.profile = std::move(profile.text);
  UniqueFd console;
  if (!options.console_socket.empty()) {
    SRT_ASSIGN(console, connect_unix(options.console_socket, "--console-socket"));
  }
  darwin::Terminal pair;
  if (plan.terminal) {
    SRT_ASSIGN(pair, darwin::open_terminal(plan.console_size));
  }
  SRT_ASSIGN(Pipe commit, make_pipe());
  SRT_ASSIGN(Pipe report, make_pipe());
  const darwin::HeldFds fds{commit.read_end.get(), -1, report.write_end.get(), pair.slave.get()};
  const pid_t child = fork();
  if (child < 0) return fail_errno("process", "fork");
  if (child == 0) {
    darwin::hold(plan, fds, !options.foreground || plan.terminal, options.preserve_fds, {}, "",
                 options.bundle);
  }
  report.write_end.reset();
  pair.slave.reset();
  if (console) {
    SRT_TRY(send_with_descriptor(console.get(), "master", pair.master.get()));
    pair.master.reset();
  }
  (void)!write(commit.write_end.get(), "c", 1);
  if (Result<void> done = darwin::read_failure(report.read_end.get()); !done) {
    (void)await_child(child);
    return fail(done.error());
  }
  return ExecChild{child, std::move(pair.master)};
}

}  // namespace srt::platform
