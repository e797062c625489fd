#include "runtime/lifecycle.h"

#include <chrono>
#include <csignal>
#include <cstdlib>

#include "platform/unix_socket.h"
#include "runtime/core_files.h"
#include "runtime/egress.h"
#include "runtime/file_rules.h"
#include "runtime/hooks.h"
#include "runtime/pid_file.h"

namespace srt::runtime {
namespace {

Error not_in_status(std::string why, std::string mend = {}) {
  return Error{"", std::move(why), std::move(mend)};
}

constexpr std::chrono::seconds kCreatePatience(1);

bool waits_for_hooks(const Entry& entry) {
  Result<oci::Spec> spec = entry.load_spec();
  return !spec || any_create_hook(*spec);
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

Result<void> start(const Store& store, const ContainerId& id, const Log& log) {
  Created created;
  SRT_ASSIGN(created.entry, store.lock(id, Lock::kExclusive));
  SRT_ASSIGN(created.record, created.entry->load());
  SRT_TRY(check_startable(created.entry->status(created.record)));
  return start(store, created, log);
}

Result<void> start(const Store& store, Created& created, const Log& log) {
  std::optional<Entry> entry = std::move(created.entry);
  Record& record = created.record;
  SRT_TRY(created.gate ? platform::start(record.handle, std::move(*created.gate))
                       : platform::start(record.handle, entry->dir()));
  record.phase = Phase::kRunning;
  // The program runs: whoever is told that `start` failed would not look after it. Entry::status() can tell
  // without this.
  if (Result<void> saved = entry->save(record); !saved) {
    log.warn("start: " + to_string(saved.error()));
  }
  if (!record.poststart_hooks) return {};
  Result<oci::Spec> spec = entry->load_spec();
  // Unlocked, so that a hook may use the container.
  entry.reset();
  Result<void> done = spec ? run_hooks(hooks_of(*spec).poststart, "poststart",
                                       state_for_hooks(record, Status::kRunning), record.bundle)
                           : Result<void>(fail(spec.error()));
  if (done) return {};
  // runtime-spec "Lifecycle", step 9: the container is stopped and destroyed.
  if (Result<ContainerId> id = ContainerId::parse(record.id)) {
    if (Result<void> gone = remove(store, *id, {.force = true}, log); !gone) {
      log.warn("delete: " + to_string(gone.error()));
    }
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
    if (how.hooks) run_poststop(entry, *record, log);
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
      (void)remove(store, *parsed, {.force = true, .hooks = false}, log);
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
  // Callers that started `create` in the background ask until there is an answer and take it for
  // "created", as with runc and crun, which know no container before that. A hook, for which `create`
  // waits, is told what is.
  if (status == Status::kCreating && !waits_for_hooks(entry)) {
    Result<Entry> made = store.lock(id, Lock::kShared, kCreatePatience);
    if (!made && made.error().code != EBUSY) return fail(made.error());
    if (made) {
      SRT_ASSIGN(record, made->load());
      status = made->status(record);
    }
  }
  return Inspected{std::move(record), status};
}

Result<oci::Spec> spec_of(const Store& store, const ContainerId& id) {
  SRT_ASSIGN(Entry entry, store.find(id));
  return entry.load_spec();
}

}  // namespace srt::runtime
