// The one interface that every platform implements: make a container, find it again, end it.
//
//   SRT_ASSIGN(platform::Plan plan, platform::make_plan(bundle, options));   // no side effect
//   SRT_ASSIGN(platform::Launch launch, platform::Launch::spawn(plan, fds)); // init exists, held
//   SRT_TRY(launch.build());                         // namespaces, cgroup, mounts
//   … prestart and createRuntime hooks, run by the caller with launch.handle().init …
//   SRT_TRY(launch.enter(state_json));               // createContainer hooks, pivot, console
//   … the caller saves the state …
//   SRT_TRY(launch.commit(state_json));              // from here the container outlives us
//   SRT_TRY(platform::start(launch.handle(), state_dir));
//
// A Launch that is destroyed before commit() takes the whole container with it. Calls block; none is
// safe to call from two threads on one object; the caller must be single-threaded at spawn() and
// exec(), because both fork.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/fd.h"
#include "platform/host_access.h"

namespace srt::platform {

// How a container is kept in its bounds, and so what a bundle has to say.
enum class Confinement {
  // Linux: namespaces, and a tree of its own made of mounts. The network is the container's own, so that
  // the guard's listeners stand in it.
  kOwnTree,
  // macOS: rules over the host's own tree, loopback and services (CreateOptions::host_access). Only
  // root.path "/"; the guard stands on a port of the host's loopback, behind a token.
  kHostRules,
};
Confinement confinement();

// What a place in the host's tree was when it was decided that it may be shown. Checked again in the
// container's own tree, where nobody can change it any more: in between, somebody who may write to a folder
// above (another sandbox) can have put a symbolic link there.
struct PinnedPlace {
  std::string path;  // absolute, without links
  uint64_t device = 0;
  uint64_t inode = 0;
  bool hidden = false;  // it must be anything but this file: something was put over it
  bool operator==(const PinnedPlace&) const = default;
};

struct Bundle {
  std::string dir;                    // absolute, canonical
  oci::Spec spec;                     // parsed and valid; mount destinations are absolute
  std::vector<std::string> warnings;  // what was found, and taken another way, while it was read
  std::vector<PinnedPlace> pinned;    // only with root.path "/"; kOwnTree
  std::string bwrap;                  // absolute; empty: at the usual places; kOwnTree
};

// Under an egress policy srt-monitor serves the container's only way out (monitor.h).
struct EgressOptions {
  // kOwnTree: TCP ports that are caught where the kernel cannot catch them all, besides the usual ones.
  std::vector<uint16_t> named_ports;
  // kHostRules: the guard's port on the host's loopback (WayOut), the only one that the rules let through.
  uint16_t guard_port = 0;
  bool operator==(const EgressOptions&) const = default;
};

struct CreateOptions {
  std::string id;
  std::string console_socket;  // path; empty: none
  std::string pidfd_socket;    // path; empty: none
  unsigned preserve_fds = 0;   // descriptors 3 … 3+n-1 reach the program
  bool no_pivot = false;
  bool no_new_keyring = false;
  bool systemd_cgroup = false;  // cgroupsPath is SLICE:PREFIX:NAME, and systemd makes the cgroup
  std::optional<EgressOptions> egress;
  // Filesystem rules come over the finished tree: seal() goes between enter() and commit().
  bool file_rules = false;
  // Loaded besides config.json's filter; its SCMP_ACT_NOTIFY goes to srt-broker.
  std::optional<oci::Seccomp> own_filter;
  // ---- kHostRules
  HostAccess host_access;  // besides what the bundle's mounts say
  std::string
      state_folder;  // of all containers, absolute: whatever is allowed, nothing inside reaches it
  // ---- a command of the caller's own, rather than a container of an engine
  bool brokered = false;         // SCMP_ACT_NOTIFY goes to srt-broker, not to a listenerPath
  bool reaper = false;           // the program is not pid 1 itself
  bool die_with_caller = false;  // SIGKILL included
  bool few_cgroups =
      false;  // none but those that a limit, or ending it, needs; the id is like no other one
  uint64_t ignored_signals = 0;  // the program starts ignoring them: bit n-1 is signal n
  bool own_tmpdir = false;       // kHostRules: TMPDIR is a folder of this run's, gone with it
  struct Ids {
    uint32_t uid = 0, gid = 0;
    bool operator==(const Ids&) const = default;
  };
  std::optional<Ids> own_ids;  // what the program sees as its own; uidMappings make it 0 for mounts
  // `run` in the foreground: with process.terminal the pty's master comes back to the caller
  // (Launch::take_terminal); without, the program keeps the caller's session, so that job control
  // works as without a container.
  bool foreground = false;
  bool debug = false;
};

// What finds a container again after the process that made it is gone; kept in state.json.
struct Handle {
  pid_t init = 0;           // in the caller's pid namespace
  uint64_t init_start = 0;  // when it started, as the platform counts: tells a reused pid
  pid_t monitor = 0;        // srt-monitor beside it (monitor.h); 0: none
  uint64_t monitor_start = 0;
  // ---- kOwnTree
  bool own_pid_namespace = false;
  // Control groups made for it: controller ("" is the v2 hierarchy) to absolute directory.
  std::map<std::string, std::string> cgroups;
  bool lone_cgroups = false;     // of a name that nobody else is ever given
  std::string scope;             // the unit, where systemd made it; empty: we did
  uint64_t mount_namespace = 0;  // its unique number: tells its processes where there is no cgroup
  std::string rdt_group;         // resctrl directory that was made; empty: none
  pid_t broker = 0;              // srt-broker beside it (broker.h); 0: none
  uint64_t broker_start = 0;
  // ---- kHostRules
  std::string run;          // a random name: tells its processes and its violations from others
  uint16_t guard_port = 0;  // for exec: the same way out
  std::string own_tmpdir;   // absolute; empty: none

  bool operator==(const Handle&) const = default;
};

// The effective container as data. Opaque here; printable, and made without side effects.
class Plan {
 public:
  struct Content;  // per platform
  explicit Plan(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  const Content& content() const { return *content_; }

  std::string to_text()
      const;  // for a person: the command line that confines, then one step a line
  std::string to_json() const;
  // Things that the caller should know though nothing fails: one line each.
  const std::vector<std::string>& warnings() const;
  const std::vector<std::string>& debug_notes()
      const;  // e.g. "cgroup: none is writable, going on without"
  // What of the Handle is known before anything is made, so that the state file can name it and a killed
  // create can be cleaned up.
  Handle foreseen() const;

 private:
  std::shared_ptr<const Content> content_;
};

Result<Plan> make_plan(const Bundle& bundle, const CreateOptions& options);

// The container's ends of the sockets to the programs beside it.
struct Sidecars {
  UniqueFd monitor;  // Monitor::take_listener_socket(), where the plan has an egress policy
  UniqueFd
      broker;  // Broker::take_agent_socket(), where the options say `brokered`, or own_filter notifies
  UniqueFd
      violations;  // kHostRules: what the rules refused is appended there as NDJSON; empty: nowhere
};

class Launch {
 public:
  // `start_gate` and `start_report` are the two fifos of the container's state folder
  // (open_start_fifos()).
  static Result<Launch> spawn(const Plan& plan, UniqueFd start_gate, UniqueFd start_report,
                              Sidecars sidecars = {});
  Launch(Launch&&) noexcept;
  Launch& operator=(Launch&&) noexcept;
  ~Launch();

  const Handle& handle() const;  // complete after spawn(), save for mount_namespace (after enter())

  // `enter_at_once`: where no hook of the caller's comes between build() and enter(), what enter()
  // will be given. The container then goes on by itself, and build() does not wait for it.
  Result<void> build(std::string_view enter_at_once = {});
  Result<void> enter(std::string_view hook_state_creating);
  // With CreateOptions::file_rules, once: FileRules (platform/file_rules.h), encoded. enter() left the tree complete.
  Result<void> seal(std::string_view file_rules);
  Result<void> commit(std::string_view hook_state_created);

  UniqueFd take_terminal();  // foreground with process.terminal: the pty's master, after enter()

 private:
  struct Impl;
  explicit Launch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct StartGate {
  UniqueFd gate;
  UniqueFd report;
};
// Makes and opens the fifos in a container's (new) state folder, through which everyone who reaches that may start it.
Result<StartGate> make_start_fifos(int state_dir);
// Where only the caller starts it: the container's first process gets the first, start() the second.
Result<std::pair<StartGate, StartGate>> make_start_gate();

// Lets a created container run its program and waits until it does: startContainer hooks included.
// Fails at once when the init is gone.
Result<void> start(const Handle& handle, int state_dir);
Result<void> start(const Handle& handle, StartGate ours);

// Whether the init still waits for start(); once its program runs, nobody reads the fifo any more.
// A look, without effect on the init.
bool awaits_start(int state_dir);

enum class InitStatus { kAlive, kGone };  // a zombie is gone
InitStatus init_status(const Handle& handle);
// Whether its cgroup is frozen.
bool is_paused(const Handle& handle);

// A descriptor of the init, checked against its start time, that can be read once it has ended. Error
// code ESRCH: it is gone.
Result<UniqueFd> open_init(const Handle& handle);
// The same of any process that cannot have been replaced: a child of ours.
Result<UniqueFd> watch_exit(pid_t child);
// Its wait status, once it has ended.
Result<int> await_child(pid_t child);
Result<void> signal_init(const Handle& handle, int signal);
// To every process of the container (freeze, signal, thaw; repeated for SIGKILL until none is left). Once a
// SIGSTOP is sent they have stopped, or a tenth of a second has passed.
Result<void> signal_all(const Handle& handle, int signal);
// Stops every process of the container, or lets them go on. Needs a cgroup of its own.
Result<void> freeze(const Handle& handle, bool frozen);
// Other limits for a running container; what `resources` does not name stays as it is.
Result<void> update_resources(const Handle& handle, const oci::Resources& resources);
// What the container uses now, as JSON: the object that runc's `events --stats` has under "data".
Result<std::string> usage(const Handle& handle);
// How often the kernel has killed in it for want of memory, and what is readable when it may have
// done so again: to be drained, and compared with the number.
Result<uint64_t> oom_kills(const Handle& handle);
Result<UniqueFd> watch_memory(const Handle& handle);
// In the caller's pid namespace.
Result<std::vector<pid_t>> processes(const Handle& handle);
// Ends every process, removes cgroups and whatever else outlives processes. Works on half-made
// containers and when called twice.
Result<void> destroy(const Handle& handle);

struct ExecOptions {
  std::string id, bundle;  // of the container, for a seccomp agent
  std::string console_socket;
  std::string pidfd_socket;
  unsigned preserve_fds = 0;
  bool foreground = false;  // as in CreateOptions
  bool detach = false;
  // --cgroup: "PATH" or, on v1, "CONTROLLER[,CONTROLLER]:PATH", below the container's own.
  std::vector<std::string> cgroups;
  bool egress = false;                     // the container is under an egress policy
  std::string state_folder;                // as in CreateOptions
  std::optional<oci::Seccomp> own_filter;  // as in CreateOptions
  int broker = -1;                         // connected: gets the listener of own_filter
};
struct ExecChild {
  pid_t pid = 0;
  UniqueFd terminal;  // foreground with a terminal: the master
};
// Starts `process` in a running container; returns once its program runs. The child is the caller's.
// `spec` is the container's own, for what a process inherits from it (seccomp, personality, …).
Result<ExecChild> exec(const Handle& handle, const oci::Spec& spec, const oci::Process& process,
                       const ExecOptions& options);

// Runs one hook in the caller's namespaces and in `folder`, with `state` on its stdin; a hook that
// outlives its timeout is killed.
Result<void> run_hook(const oci::Hook& hook, std::string_view state, const std::string& folder);

// One line of `doctor`: something this host must or should have.
struct HostCheck {
  enum class Level { kOk, kWarning, kFailure };
  Level level = Level::kOk;
  std::string what;       // "user namespaces"
  std::string found;      // "max_user_namespaces is 0"
  std::string mend;       // "sysctl -w user.max_user_namespaces=15000"
  bool required = false;  // rootless containers cannot run without it
};
std::vector<HostCheck> check_host();

// Whether a network namespace has an interface that leads somewhere (besides lo). Forks.
Result<bool> has_interfaces(const std::string& network_namespace);

// True for uid 0 of the initial user namespace: the only one that is "root" for the state folder,
// devices and cgroups.
bool is_host_root();
// Where the state of its containers is kept.
const char* host_state_folder();
// Whether all controllers stand in one hierarchy (cgroup v2), or there are none.
bool has_unified_cgroups();

// Annotation of `features`: the words of `state` for the egress guard's level here, or "unknown" where
// the caller can make no namespace to try in.
inline constexpr char kEgressLevel[] = "dev.srt.egress.level";

// What `features` says of this platform, see oci/features.h.
struct Features {
  std::vector<std::string> namespaces, capabilities, mount_options;
  std::vector<std::string> seccomp_actions, seccomp_operators, seccomp_archs, seccomp_known_flags,
      seccomp_supported_flags;
  bool seccomp = false, cgroup_v1 = false, cgroup_v2 = false, systemd = false, rdma = false;
  bool apparmor = false, selinux = false, intel_rdt = false, idmap_mounts = false,
       net_devices = false, memory_policy = false;
  std::vector<std::string> memory_policy_modes, memory_policy_flags;
  std::map<std::string, std::string> annotations;
};
Features features();

}  // namespace srt::platform
