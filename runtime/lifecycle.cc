#include "runtime/lifecycle.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "platform/unix_socket.h"
#include "runtime/atomic_file.h"
#include "runtime/bundle.h"
#include "runtime/core_files.h"
#include "runtime/hooks.h"

namespace srt::runtime {
namespace {

constexpr const char* kBrokerSocket =
    "broker.sock";  // where `exec` brings srt-broker more to serve

bool any(const oci::List<oci::Hook>& hooks) { return !oci::items(hooks).empty(); }

const oci::Hooks& hooks_of(const oci::Spec& spec) {
  static const oci::Hooks none;
  return spec.hooks ? *spec.hooks : none;
}

Error not_in_status(std::string why, std::string mend = {}) {
  return Error{"", std::move(why), std::move(mend)};
}

Result<void> write_pid_file(const std::string& path, pid_t pid) {
  if (path.empty()) return {};
  Result<void> done = replace_file_at(AT_FDCWD, path, std::to_string(pid), 0666);
  if (done) return done;
  Error error = done.error();
  error.object = "--pid-file " + error.object;
  return fail(std::move(error));
}

bool any_create_hook(const oci::Spec& spec) {
  const oci::Hooks& hooks = hooks_of(spec);
  return any(hooks.prestart) || any(hooks.create_runtime) || any(hooks.create_container);
}

// The poststop hooks, from the copy of config.json; what is wrong with that is only logged, since
// the container must go all the same.
void run_poststop(const Entry& entry, const Record& record, const Log& log) {
  if (!record.poststop_hooks) return;
  Result<oci::Spec> spec = entry.load_spec();
  if (!spec) return log.warn("poststop hooks were not run: " + to_string(spec.error()));
  run_hooks_logged(hooks_of(*spec).poststop, "poststop", state_for_hooks(record, Status::kStopped),
                   record.bundle, log);
}

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
  Result<UniqueFd> start_monitor();
  Result<UniqueFd> start_broker();
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
  std::optional<platform::Broker> broker_;
  std::optional<platform::Launch> launch_;
  bool hooks_began_ = false;
  bool pid_file_written_ = false;
  bool committed_ = false;
};

Result<Created> Creation::carry_out(const platform::Plan& plan, const oci::Spec& spec) {
  // From here a kill -9 leaves something behind; each thing is written down before it is made, so
  // that `delete --force` finds it.
  SRT_TRY(entry_.save(record_));
  SRT_TRY(entry_.save_spec(spec));
  SRT_ASSIGN(platform::StartFifos fifos, platform::make_start_fifos(entry_.dir()));
  platform::Sidecars sidecars;
  SRT_ASSIGN(sidecars.monitor, start_monitor());
  SRT_ASSIGN(sidecars.broker, start_broker());
  if (platform::confinement() == platform::Confinement::kHostRules) {
    SRT_ASSIGN(sidecars.violations, open_file_violations(entry_.dir()));
  }
  SRT_ASSIGN(launch_, platform::Launch::spawn(plan, std::move(fifos.gate), std::move(fifos.report),
                                              std::move(sidecars)));
  take_handle();
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
  SRT_TRY(entry_.save(record_));
  SRT_TRY(launch_->commit(state_for_hooks(record_, Status::kCreated)));
  committed_ = true;
  return Created{record_, launch_->take_terminal()};
}

void Creation::take_handle() {
  record_.handle = launch_->handle();
  if (monitor_) monitor_->note(record_.handle);
  if (broker_) broker_->note(record_.handle);
}

// The end of srt-broker that the container's first process gets; empty where it has nothing to decide.
Result<UniqueFd> Creation::start_broker() {
  if (files_.brokered()) {  // it is started when its rules are known
    SRT_ASSIGN(broker_, platform::Broker::reserve());
    return broker_->take_agent_socket();
  }
  if (!request_.broker) return UniqueFd();
  SRT_ASSIGN(UniqueFd violations, open_file_violations(entry_.dir()));
  UniqueFd neighbours(openat(entry_.dir(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!neighbours) return fail_errno("state folder", "open");
  SRT_ASSIGN(broker_, platform::Broker::spawn({.container = request_.id.str(),
                                               .config = *request_.broker,
                                               .violations = violations.get(),
                                               .neighbours = neighbours.get()}));
  broker_->note(record_.handle);
  return broker_->take_agent_socket();
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

// The end of srt-monitor that the container's first process gets; empty without an egress policy.
Result<UniqueFd> Creation::start_monitor() {
  if (!egress_.present()) return UniqueFd();
  SRT_ASSIGN(monitor_, egress_.start_monitor(entry_, request_.id));
  monitor_->note(record_.handle);
  return monitor_->take_listener_socket();
}

// From here on they end with the container instead of with us.
Result<void> Creation::hand_over() {
  if (broker_) {
    SRT_TRY(broker_->await_ready());  // not before: its start and bwrap's go side by side
    SRT_TRY(broker_->commit(record_.handle));
  }
  if (!monitor_) return {};
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

Result<void> check_startable(Status status) {
  switch (status) {
    case Status::kCreated: return {};
    case Status::kCreating: return fail(not_in_status("container is still being created"));
    case Status::kStopped:
      return fail(not_in_status("cannot start a container that has stopped",
                                "delete it and create it again"));
    case Status::kPaused:
    case Status::kRunning: return fail(not_in_status("cannot start an already running container"));
  }
  return {};
}

Result<void> check_executable(Status status, bool ignore_paused) {
  switch (status) {
    case Status::kCreated:
    case Status::kRunning: return {};
    case Status::kCreating: return fail(not_in_status("container is still being created"));
    case Status::kStopped: return fail(not_in_status("cannot exec in a stopped container"));
    case Status::kPaused:
      if (ignore_paused) return {};
      return fail(not_in_status("cannot exec in a paused container",
                                "--ignore-paused waits until it is resumed"));
  }
  return {};
}

Result<void> check_removable(const ContainerId& id, Status status) {
  switch (status) {
    case Status::kCreated:
    case Status::kStopped: return {};
    case Status::kCreating:
    case Status::kRunning:
    case Status::kPaused:
      return fail(not_in_status("cannot delete container " + id.str() +
                                    " that is not stopped: " + std::string(to_string(status)),
                                "delete --force ends it first"));
  }
  return {};
}

// One more process is under the rules too: the mounts it finds, the rest by a filter of its own, whose
// listener the container's one broker gets. Without that broker nothing more runs in it.
Result<UniqueFd> hold_file_rules(const Entry& entry, const Record& record, oci::Process& process,
                                 platform::ExecOptions& options) {
  SRT_TRY(check_bounded(process));
  const bool brokered = record.handle.broker > 0;
  options.own_filter = file_rules_filter(brokered);
  if (!brokered) return UniqueFd();
  set_git_environment(process);
  forbid_core_files(process);
  SRT_ASSIGN(UniqueFd broker, platform::connect_unix_at(entry.dir(), kBrokerSocket));
  options.broker = broker.get();
  return broker;
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

Result<void> start(const Store& store, const ContainerId& id, const Log& log) {
  std::optional<Entry> entry;
  SRT_ASSIGN(entry, store.lock(id, Lock::kExclusive));
  SRT_ASSIGN(Record record, entry->load());
  SRT_TRY(check_startable(entry->status(record)));
  SRT_TRY(platform::start(record.handle, entry->dir()));
  record.phase = Phase::kRunning;
  SRT_TRY(entry->save(record));
  if (!record.poststart_hooks) return {};
  Result<oci::Spec> spec = entry->load_spec();
  // Unlocked, so that a hook may use the container.
  entry.reset();
  Result<void> done = spec ? run_hooks(hooks_of(*spec).poststart, "poststart",
                                       state_for_hooks(record, Status::kRunning), record.bundle)
                           : Result<void>(fail(spec.error()));
  if (done) return {};
  // runtime-spec "Lifecycle", step 9: the container is stopped and destroyed.
  if (Result<void> gone = remove(store, id, {.force = true}, log); !gone) {
    log.warn("delete: " + to_string(gone.error()));
  }
  return done;
}

Result<void> signal(const Store& store, const ContainerId& id, int signal, bool all) {
  SRT_ASSIGN(Entry entry, store.find(id));
  SRT_ASSIGN(Record record, entry.load());
  // Those that outlive a first process without a pid namespace of its own are reached too.
  if (all) return platform::signal_all(record.handle, signal);
  const Error stopped{"", "container not running", "", ESRCH};
  // As runc: without a pid namespace of its own nobody else ends what the first process has started.
  if (signal == SIGKILL && record.handle.init > 0 && !record.handle.own_pid_namespace) {
    SRT_ASSIGN(const std::vector<pid_t> members, platform::processes(record.handle));
    if (members.empty()) return fail(stopped);
    return platform::signal_all(record.handle, SIGKILL);
  }
  // While it is created there may be no process yet; 0 would reach our own group.
  if (record.handle.init <= 0 || entry.status(record) == Status::kStopped) return fail(stopped);
  Result<void> sent = platform::signal_init(record.handle, signal);
  if (!sent && sent.error().code == ESRCH) return fail(stopped);
  // As runc: on cgroup v1 a frozen process does not even end.
  if (sent && signal == SIGKILL && platform::is_paused(record.handle)) {
    return platform::freeze(record.handle, false);
  }
  return sent;
}

Result<void> pause(const Store& store, const ContainerId& id) {
  SRT_ASSIGN(Entry entry, store.lock(id, Lock::kExclusive));
  SRT_ASSIGN(Record record, entry.load());
  switch (entry.status(record)) {
    case Status::kCreated:
    case Status::kRunning: return platform::freeze(record.handle, true);
    case Status::kCreating: return fail(not_in_status("container is still being created"));
    case Status::kPaused: return fail(not_in_status("container is paused already"));
    case Status::kStopped: return fail(not_in_status("container not running"));
  }
  return {};
}

Result<void> resume(const Store& store, const ContainerId& id) {
  SRT_ASSIGN(Entry entry, store.lock(id, Lock::kExclusive));
  SRT_ASSIGN(Record record, entry.load());
  if (entry.status(record) != Status::kPaused) {
    return fail(not_in_status("container not paused"));
  }
  return platform::freeze(record.handle, false);
}

Result<void> update_resources(const Store& store, const ContainerId& id,
                              const oci::Resources& resources) {
  SRT_ASSIGN(Entry entry, store.lock(id, Lock::kExclusive));
  SRT_ASSIGN(Record record, entry.load());
  if (entry.status(record) == Status::kStopped) {
    return fail(not_in_status("container not running"));
  }
  return platform::update_resources(record.handle, resources);
}

Result<void> remove(const Store& store, const ContainerId& id, Removal how, const Log& log) {
  Result<Entry> seen = store.find(id);
  if (!seen) {
    if (how.force && seen.error().code == ENOENT) return {};
    return fail(seen.error());
  }
  Result<Record> known = seen->load();
  if (!how.force) {
    SRT_TRY(known);
    SRT_TRY(check_removable(id, seen->status(*known)));
  } else if (known && seen->status(*known) != Status::kStopped) {
    // Before waiting for the lock: a `create` or `start` that hangs over this container lets go of
    // it when its init dies.
    (void)platform::signal_all(known->handle, SIGKILL);
  }
  Result<Entry> locked = store.lock(id, Lock::kExclusive);
  if (!locked) {
    // Undone by its creator, or deleted by another caller, while we waited.
    if (how.force && locked.error().code == ENOENT) return {};
    return fail(locked.error());
  }
  Entry entry = std::move(*locked);
  Result<Record> record = entry.load();
  if (record) {
    // It may have been started meanwhile.
    if (!how.force) SRT_TRY(check_removable(id, entry.status(*record)));
    SRT_TRY(platform::destroy(record->handle));
    run_poststop(entry, *record, log);
  } else if (!how.force) {
    return fail(record.error());
  } else if (record.error().code != ENOENT) {
    log.warn(to_string(record.error()) + ": processes and cgroups could not be looked for");
  }
  return entry.remove();
}

void sweep(const Store& store, const Log& log) {
  constexpr std::string_view kPrefix = "srt-";
  Result<std::vector<Store::Listed>> all = store.list();
  if (!all) return;
  for (const Store::Listed& listed : *all) {
    const std::string& id = listed.record.id;
    if (!id.starts_with(kPrefix)) continue;
    const long caller = std::strtol(id.c_str() + kPrefix.size(), nullptr, 10);
    if (caller <= 0 || kill(static_cast<pid_t>(caller), 0) == 0 || errno != ESRCH) continue;
    if (Result<ContainerId> parsed = ContainerId::parse(id)) {
      (void)remove(store, *parsed, {.force = true}, log);
    }
  }
}

Result<Executed> exec(const Store& store, const ExecRequest& request) {
  // Shared: several at once, but none while the container is being deleted.
  SRT_ASSIGN(Entry entry, store.lock(request.id, Lock::kShared));
  SRT_ASSIGN(Record record, entry.load());
  SRT_TRY(check_executable(entry.status(record), request.ignore_paused));
  SRT_ASSIGN(oci::Spec spec, entry.load_spec());
  platform::ExecOptions options = request.options;
  options.id = record.id;
  options.bundle = record.bundle;
  options.egress = !record.policy_hash.empty();
  options.state_folder = store.path();
  oci::Process process = request.process;
  if (options.egress) inherit_proxy_environment(process, spec);
  UniqueFd broker;
  if (record.file_rules) {
    SRT_ASSIGN(broker, hold_file_rules(entry, record, process, options));
  }
  SRT_ASSIGN(platform::ExecChild child, platform::exec(record.handle, spec, process, options));
  if (Result<void> written = write_pid_file(request.pid_file, child.pid); !written) {
    kill(child.pid, SIGKILL);  // still our child, so the pid is its own
    return fail(written.error());
  }
  return Executed{std::move(child), std::move(record)};
}

Result<Inspected> inspect(const Store& store, const ContainerId& id) {
  SRT_ASSIGN(Entry entry, store.find(id));
  SRT_ASSIGN(Record record, entry.load());
  Status status = entry.status(record);
  return Inspected{std::move(record), status};
}

Result<oci::Spec> spec_of(const Store& store, const ContainerId& id) {
  SRT_ASSIGN(Entry entry, store.find(id));
  return entry.load_spec();
}

}  // namespace srt::runtime
