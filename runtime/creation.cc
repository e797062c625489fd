#include "runtime/creation.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "platform/unix_socket.h"
#include "runtime/bundle.h"
#include "runtime/hooks.h"
#include "runtime/pid_file.h"

namespace srt::runtime {
namespace {

// Empty stays empty.
std::string absolute(const std::string& path) {
  std::error_code error;
  return path.empty() ? path : std::filesystem::absolute(path, error).string();
}

// The creation of one container. What was done is undone by the destructor unless commit() came.
class Creation {
 public:
  Creation(Entry entry, Record record, const CreateRequest& request, const Egress& egress,
           const FileRules& files, const Log& log)
      : entry_(std::move(entry)),
        record_(std::move(record)),
        request_(request),
        egress_(egress),
        files_(files),
        log_(log) {}
  Creation(const Creation&) = delete;
  Creation& operator=(const Creation&) = delete;
  ~Creation() {
    if (!committed_) undo();
  }

  Result<Created> carry_out(const platform::Plan& plan, const oci::Spec& spec);

 private:
  void take_handle();
  Result<platform::StartGate> make_gate();
  Result<platform::Sidecars> reserve_sidecars();
  Result<void> start_sidecars();
  Result<void> hold_file_rules();
  Result<void> explained(Result<void> done);
  Result<void> hand_over();
  Result<void> run_create_hooks(const oci::Spec& spec);
  void undo();

  Entry entry_;
  Record record_;
  const CreateRequest& request_;
  const Egress& egress_;
  const FileRules& files_;
  const Log& log_;
  std::optional<platform::Monitor> monitor_;
  std::optional<platform::Terminator> terminator_;
  std::optional<platform::Broker> broker_;
  std::optional<platform::Launch> launch_;
  std::optional<platform::StartGate> gate_;  // where nobody but the caller starts it
  bool hooks_began_ = false;
  bool pid_file_written_ = false;
  bool committed_ = false;
};

Result<Created> Creation::carry_out(const platform::Plan& plan, const oci::Spec& spec) {
  // From here a kill -9 leaves something behind; each thing is written down before it is made, so
  // that `delete --force` finds it.
  SRT_TRY(entry_.save(record_));
  SRT_ASSIGN(platform::StartGate gate, make_gate());
  SRT_ASSIGN(platform::Sidecars sidecars, reserve_sidecars());
  SRT_ASSIGN(launch_, platform::Launch::spawn(plan, std::move(gate.gate), std::move(gate.report),
                                              std::move(sidecars)));
  // bwrap is at work from here on, for longer than the rest of us.
  SRT_TRY(start_sidecars());
  take_handle();
  SRT_TRY(entry_.save_spec(spec));
  SRT_TRY(entry_.save(record_));
  std::string creating = state_for_hooks(record_, Status::kCreating);
  SRT_TRY(explained(launch_->build(any_create_hook(spec) ? "" : creating)));
  SRT_TRY(run_create_hooks(spec));
  SRT_TRY(explained(launch_->enter(creating)));
  SRT_TRY(hold_file_rules());
  take_handle();
  SRT_TRY(write_pid_file(request_.pid_file, record_.handle.init));
  pid_file_written_ = true;
  SRT_TRY(hand_over());
  record_.phase = Phase::kCreated;
  if (!request_.start_follows) SRT_TRY(entry_.save(record_));
  SRT_TRY(launch_->commit(state_for_hooks(record_, Status::kCreated)));
  committed_ = true;
  return Created{std::move(entry_), record_, std::move(gate_), launch_->take_terminal()};
}

void Creation::take_handle() {
  record_.handle = launch_->handle();
  if (monitor_) monitor_->note(record_.handle);
  if (broker_) broker_->note(record_.handle);
}

Result<platform::StartGate> Creation::make_gate() {
  if (!request_.start_follows) return platform::make_start_fifos(entry_.dir());
  SRT_ASSIGN(auto gate, platform::make_start_gate());
  gate_ = std::move(gate.second);
  return std::move(gate.first);
}

// The ends of their sockets that the container's first process gets; empty where there is nothing to guard.
Result<platform::Sidecars> Creation::reserve_sidecars() {
  platform::Sidecars sidecars;
  if (egress_.present()) {
    SRT_ASSIGN(monitor_, platform::Monitor::reserve());
    sidecars.monitor = monitor_->take_listener_socket();
  }
  if (request_.broker || files_.brokered()) {
    SRT_ASSIGN(broker_, platform::Broker::reserve());
    sidecars.broker = broker_->take_agent_socket();
  }
  if (platform::confinement() == platform::Confinement::kHostRules) {
    SRT_ASSIGN(sidecars.violations, open_file_violations(entry_.dir()));
  }
  return sidecars;
}

Result<void> Creation::start_sidecars() {
  if (monitor_ && request_.tls) {
    SRT_ASSIGN(terminator_, start_terminator(*request_.tls, entry_, request_.id));
  }
  const int tls = terminator_ ? terminator_->guard_socket() : -1;
  if (monitor_) SRT_TRY(egress_.start(*monitor_, entry_, request_.id, tls));
  if (terminator_) terminator_->close_guard_socket();
  if (!request_.broker) return {};  // or it is started when its rules are known
  SRT_ASSIGN(UniqueFd violations, open_file_violations(entry_.dir()));
  UniqueFd neighbours(openat(entry_.dir(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!neighbours) return fail_errno("state folder", "open");
  return broker_->start({.container = request_.id.str(),
                         .config = *request_.broker,
                         .violations = violations.get(),
                         .neighbours = neighbours.get()});
}

// The tree is complete and nobody is in it yet.
Result<void> Creation::hold_file_rules() {
  if (!files_.present()) return {};
  SRT_ASSIGN(const FileRules::InTree tree, files_.in_tree(launch_->handle()));
  for (const std::string& note : tree.notes) log_.debug(note);
  if (files_.brokered()) {
    SRT_ASSIGN(UniqueFd violations, open_file_violations(entry_.dir()));
    SRT_ASSIGN(UniqueFd more, platform::listen_unix_at(entry_.dir(), kBrokerSocket));
    UniqueFd neighbours(openat(entry_.dir(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!neighbours) return fail_errno("state folder", "open");
    SRT_TRY(broker_->start({.container = request_.id.str(),
                            .config = tree.broker,
                            .violations = violations.get(),
                            .neighbours = neighbours.get(),
                            .more = more.get()}));
  }
  return explained(launch_->seal(tree.mounts));
}

// From here on they end with the container instead of with us.
Result<void> Creation::hand_over() {
  if (broker_) {
    SRT_TRY(broker_->await_ready());  // not before: its start and bwrap's go side by side
    SRT_TRY(broker_->commit(record_.handle));
  }
  if (!monitor_) return {};
  if (terminator_) {
    SRT_TRY(terminator_->await_ready());
    terminator_->commit();
  }
  SRT_ASSIGN(platform::MonitorReady ready, monitor_->await_ready());
  record_.guard_level = ready.all_ports ? "all-ports" : "named-ports";
  if (!ready.all_ports) {
    log_.warn(
        "egress guard: no nf_tables here, so it listens on the usual and the named ports only "
        "(plan "
        "lists them); a program inside that listens on one of them meets \"address in use\"");
  }
  return monitor_->commit(record_.handle);
}

// The container's first process only sees that srt-monitor is gone; why, that has said itself.
Result<void> Creation::explained(Result<void> done) {
  if (done || !monitor_ || done.error().object != "egress guard") return done;
  Result<platform::MonitorReady> said = monitor_->await_ready();
  return said ? done : fail(said.error());
}

Result<void> Creation::run_create_hooks(const oci::Spec& spec) {
  if (!any_create_hook(spec)) return {};
  const oci::Hooks& hooks = hooks_of(spec);
  hooks_began_ = true;
  std::string state = state_for_hooks(record_, Status::kCreating);
  SRT_TRY(run_hooks(hooks.prestart, "prestart", state, record_.bundle));
  return run_hooks(hooks.create_runtime, "createRuntime", state, record_.bundle);
}

void Creation::undo() {
  launch_.reset();  // takes its processes with it
  monitor_.reset();
  terminator_.reset();
  broker_.reset();
  if (Result<void> gone = platform::destroy(record_.handle); !gone) {
    // The folder stays: it names what is left, and `delete --force` can try again.
    return log_.warn("could not undo: " + to_string(gone.error()));
  }
  // runtime-spec "Lifecycle": after a failed create-time hook the container is destroyed and the
  // poststop hooks run. Before any hook there is nothing that they could take back.
  if (hooks_began_) run_poststop(entry_, record_, log_);
  if (pid_file_written_ && !request_.pid_file.empty()) unlink(request_.pid_file.c_str());
  if (Result<void> removed = entry_.remove(); !removed) log_.warn(to_string(removed.error()));
}

Result<void> check_console(const CreateRequest& request, const oci::Spec& spec) {
  const bool terminal = spec.process && spec.process->terminal.value_or(false);
  const bool socket = !request.options.console_socket.empty();
  if (terminal && request.detach && !socket) {
    return fail("/process/terminal", "is true, but nobody would hold the terminal",
                "give --console-socket, set it to false, or use run without --detach");
  }
  if (socket && !terminal) {
    return fail("--console-socket", "is of no use while /process/terminal is false");
  }
  if (socket && !request.detach) {
    return fail("--console-socket", "is of no use in the foreground, where run relays the terminal",
                "add --detach");
  }
  return {};
}

Record new_record(const CreateRequest& request, const platform::Bundle& bundle,
                  const platform::Plan& plan) {
  const oci::Hooks& hooks = hooks_of(bundle.spec);
  Record record;
  record.oci_version = bundle.spec.oci_version;
  record.id = request.id.str();
  record.bundle = bundle.dir;
  record.rootfs = absolute_rootfs(bundle);
  record.created = timestamp();
  record.owner = user_name(getuid());
  record.annotations = oci::items(bundle.spec.annotations);
  record.poststart_hooks = any(hooks.poststart);
  record.poststop_hooks = any(hooks.poststop);
  record.handle = plan.foreseen();
  return record;
}

}  // namespace

Result<Created> create(const Store& store, const CreateRequest& request, const Log& log) {
  SRT_ASSIGN(platform::Bundle bundle, load_bundle(request.bundle, request.config));
  SRT_TRY(check_console(request, bundle.spec));
  if (request.listen_fds > 0 && bundle.spec.process) {
    oci::List<std::string>& env = bundle.spec.process->env;
    if (!env) env.emplace();
    env->push_back("LISTEN_FDS=" + std::to_string(request.listen_fds));
    env->push_back("LISTEN_PID=1");
  }
  SRT_ASSIGN(Egress egress, Egress::of(bundle, request.policy_file, store.folder_of(request.id)));
  SRT_ASSIGN(const FileRules files, FileRules::of(bundle, request.policy_file));
  SRT_ASSIGN(Entry entry, store.reserve(request.id));
  CreateRequest complete = request;
  complete.options.state_folder = store.path();
  return create_in(std::move(entry), complete, bundle, egress, files, log);
}

Result<Created> create_in(Entry entry, const CreateRequest& request, const platform::Bundle& bundle,
                          const Egress& egress, const FileRules& files, const Log& log) {
  platform::CreateOptions options = request.options;
  options.id = request.id.str();
  for (const std::string& note : egress.policy().notes) log.debug(note);
  files.add_to(options);
  Result<void> prepared;
  if (egress.present()) {
    options.egress = egress.options();
    prepared = egress.write_resolv_conf(entry);  // the plan mounts it
  }
  Result<platform::Plan> plan =
      prepared ? platform::make_plan(bundle, options) : fail(prepared.error());
  if (!plan) {
    (void)entry.remove();
    return fail(plan.error());
  }
  for (const std::string& note : plan->debug_notes()) log.debug(note);
  for (const std::string& warning : plan->warnings()) log.warn(warning);
  Record record = new_record(request, bundle, *plan);
  if (egress.present()) {
    record.policy_hash = egress.policy().hash;
    record.proxy_socket = proxy_socket(egress.policy());
    record.policy_ceiling = absolute(request.policy_file);
  }
  record.file_rules = files.present();
  Creation creation(std::move(entry), std::move(record), request, egress, files, log);
  Result<Created> created = creation.carry_out(*plan, bundle.spec);
  if (created) {
    log.debug("container " + created->record.id + " is created, its first process is " +
              std::to_string(created->record.handle.init));
  }
  return created;
}

}  // namespace srt::runtime
