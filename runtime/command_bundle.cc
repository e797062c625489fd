#include "runtime/command_bundle.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "oci/version.h"
#include "runtime/broker_rules.h"
#include "runtime/command_environment.h"
#include "runtime/command_seccomp.h"
#include "runtime/core_files.h"
#include "runtime/filesystem_mounts.h"
#include "runtime/mounted_names.h"
#include "runtime/resolved_path.h"
#include "runtime/store.h"

namespace srt::runtime {
namespace {

constexpr const char* kUnreadable = "unreadable";
constexpr int64_t kProcesses = 8192;  // a fork bomb ends here

std::string masked_file(size_t number) { return "masked-" + std::to_string(number); }

// A quarter of the memory: no more than that can be taken from the host by filling it.
std::string tmpdir_size() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return std::to_string(pages > 0 && page > 0 ? pages / 4 * page : 256L << 20);
}

// At most `most`, which the caller's own limit may be below: nobody may raise that.
oci::Rlimit limited(const char* type, int resource, rlim_t most) {
  rlimit now{};
  (void)getrlimit(resource, &now);
  const rlim_t least = std::min(now.rlim_max, most);
  return {type, least, std::min(now.rlim_cur, least)};
}

std::vector<oci::Rlimit> rlimits_of(const Command& command) {
  std::vector<oci::Rlimit> limits;
  // Without a control group. Counted in the sandbox's user namespace (since Linux 5.14), so that the
  // user's other processes have nothing to do with it.
  if (!command.host_root) limits.push_back(limited("RLIMIT_NPROC", RLIMIT_NPROC, kProcesses));
  return limits;
}

// `allowAllUnixSockets` does not mean the proxy of mitmProxy: it reaches hosts that the rules know nothing of.
std::vector<std::string> hidden_sockets(const SandboxPolicy& policy) {
  const auto& mitm = policy.network.egress.mitm;
  if (!mitm || !policy.flags.allow_all_unix_sockets) return {};
  const bool listed =
      std::any_of(policy.unix_sockets.begin(), policy.unix_sockets.end(),
                  [&](const SocketRule& rule) { return is_within(mitm->socket_path, rule.path); });
  if (listed) return {};
  return {mitm->socket_path};
}

oci::Process process_of(const SandboxPolicy& policy, const Command& command) {
  oci::Process process;
  process.args = command.argv;
  process.cwd = command.cwd;
  process.env = command_environment(policy, command.environment);
  process.terminal = false;
  process.user.emplace().umask = command.umask;
  process.rlimits = rlimits_of(command);
  forbid_core_files(process);
  process.no_new_privileges = true;
  process.capabilities.emplace();  // none, root or not
  return process;
}

platform::BrokerRules broker_rules_of(const SandboxPolicy& policy) {
  platform::BrokerRules rules = rules_for_broker(policy.filesystem);
  rules.settings_files = policy.settings_places;
  rules.settings_files.insert(rules.settings_files.end(), policy.files.begin(), policy.files.end());
  rules.police_sockets = !policy.flags.allow_all_unix_sockets;
  rules.abstract_sockets = true;  // those of the sandbox's own network namespace
  for (const SocketRule& socket : policy.unix_sockets) rules.unix_sockets.push_back(socket.path);
  return rules;
}

std::optional<oci::Resources> resources_of(const SandboxPolicy& policy) {
  if (policy.resources == ResourceLimits()) return std::nullopt;
  oci::Resources resources;
  if (policy.resources.pids) resources.pids.emplace().limit = *policy.resources.pids;
  if (policy.resources.memory) {
    resources.memory.emplace().limit = static_cast<int64_t>(*policy.resources.memory);
  }
  if (policy.resources.milli_cpus) {
    auto& cpu = resources.cpu.emplace();
    cpu.period = 100'000;
    cpu.quota = static_cast<int64_t>(*policy.resources.milli_cpus) * 100;
  }
  return resources;
}

oci::Linux linux_of(const SandboxPolicy& policy, const Command& command) {
  oci::Linux os;
  os.namespaces.emplace();
  for (oci::NamespaceType type : {oci::NamespaceType::kPid, oci::NamespaceType::kNetwork,
                                  oci::NamespaceType::kIpc, oci::NamespaceType::kMount}) {
    os.namespaces->push_back({type, {}});
  }
  if (!command.host_root) {
    os.namespaces->push_back({oci::NamespaceType::kUser, {}});
    os.uid_mappings = {{0, command.uid, 1}};
    os.gid_mappings = {{0, command.gid, 1}};
  }
  CommandSeccomp seccomp{.nested_user_namespaces = policy.flags.allow_nested_user_namespaces,
                         .unix_sockets = policy.flags.allow_all_unix_sockets};
  if (auto broker = command_broker(policy, command)) seccomp.broker = std::move(broker->rules);
  os.seccomp = command_seccomp(seccomp);
  // Ordinary users have no cgroups to write to: a limit that they ask for is an error then, not silence.
  if (!command.host_root && policy.resources == ResourceLimits()) return os;
  os.resources = resources_of(policy);
  if (!os.resources) os.resources.emplace();
  if (!os.resources->pids && command.host_root) os.resources->pids.emplace().limit = kProcesses;
  return os;
}

// enableWeakerNestedSandbox: in a container whose own procfs is masked the kernel lets nobody mount another.
void share_procfs(oci::Spec& spec) {
  for (oci::Mount& mount : *spec.mounts) {
    if (mount.destination != "/proc") continue;
    mount.type = "none";
    mount.source = "/proc";
    mount.options = {"rbind", "nosuid", "noexec", "nodev"};
  }
  spec.linux_->readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                 "/proc/sysrq-trigger"};
}

// Sockets at places that the environment names: who asks them has programs started outside.
std::vector<std::string> named_buses(const std::vector<std::string>& environment) {
  std::vector<std::string> out;
  if (const std::string runtime = value_of(environment, "XDG_RUNTIME_DIR"); !runtime.empty()) {
    for (const char* name : {"/bus", "/systemd", "/dbus-1", "/at-spi"})
      out.push_back(runtime + name);
  }
  // "unix:path=/run/user/1000/bus,guid=…;unix:path=…"
  constexpr std::string_view kPath = "path=";
  const std::string address = value_of(environment, "DBUS_SESSION_BUS_ADDRESS");
  for (size_t at = 0; (at = address.find(kPath, at)) != std::string::npos;) {
    at += kPath.size();
    out.push_back(address.substr(at, address.find_first_of(",;", at) - at));
  }
  return out;
}

// Nothing of `path` is to be seen, if it is there.
void hide(const std::string& path, const std::string& unreadable, std::vector<oci::Mount>& mounts) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(path, error).string();
  struct stat status {};
  if (error || stat(real.c_str(), &status) != 0) return;
  const bool hidden = std::any_of(mounts.begin(), mounts.end(), [&](const oci::Mount& mount) {
    return mount.destination == real ||
           (mount.type == "tmpfs" && real.starts_with(mount.destination + "/"));
  });
  if (hidden) return;
  oci::Mount& mount = mounts.emplace_back();
  mount.destination = real;
  if (S_ISDIR(status.st_mode)) {
    mount.type = mount.source = "tmpfs";
    mount.options = {"ro", "nosuid", "nodev", "noexec", "mode=0555", "size=64k"};
  } else {
    mount.type = "none";
    mount.source = unreadable;
    mount.options = {"bind", "ro", "nosuid", "nodev"};
  }
}

}  // namespace

// Of all sandboxes of this user: the sockets in it take new rules from whoever has the caller's uid, and what stands in
// it is believed by the next run. Under each of its names, which may be none yet.
static std::vector<std::string> places_of_state(const std::string& state_folder,
                                                const HostMounts& mounts) {
  std::vector<std::string> places = Store::places();
  if (!state_folder.empty()) places.push_back(std::filesystem::path(state_folder).parent_path());
  std::vector<std::string> names;
  for (const std::string& place : places) {
    const std::string real = resolve_path(place).path;
    names.push_back(real);
    const std::string name = real.substr(real.rfind('/') + 1);
    for (const std::string& folder : other_names(std::string(parent_of(real)), mounts)) {
      names.push_back(join_path(folder, name));
    }
  }
  return names;
}

std::optional<platform::BrokerConfig> command_broker(const SandboxPolicy& policy,
                                                     const Command& command) {
  if (platform::confinement() != platform::Confinement::kOwnTree) return std::nullopt;
  platform::BrokerConfig config;
  config.rules = broker_rules_of(policy);
  config.rules.police_files = !policy.filesystem.disabled;
  if (config.rules.police_files) {
    const std::vector<std::string> places = places_of_state({}, platform::host_mounts());
    config.rules.denied_exact.insert(config.rules.denied_exact.end(), places.begin(), places.end());
  }
  if (!config.rules.police_files && !config.rules.police_sockets) return std::nullopt;
  // Numbers of the namespace that the mounts belong to, where the caller's user is 0.
  config.uid = command.host_root ? command.uid : 0;
  config.gid = command.host_root ? command.gid : 0;
  // The filter refuses chroot and its like, and no program gains ids: nobody inside has another root or
  // user than the first process.
  config.fixed_root = config.fixed_user = !policy.flags.allow_nested_user_namespaces;
  config.nested_sandboxes = policy.flags.allow_nested_user_namespaces;
  config.reads_all_processes = !command.host_root;
  return config;
}

// The host's tree, and no network but the guard's; all else is said by host_access().
static void use_host_tree(const SandboxPolicy& policy, const Command& command, oci::Spec& spec) {
  spec.process->user->uid = command.uid;
  spec.process->user->gid = command.gid;
  spec.root = oci::Root{"/", false};
  oci::Linux& os = spec.linux_.emplace();
  os.namespaces.emplace().push_back({oci::NamespaceType::kNetwork, {}});
  os.resources = resources_of(policy);  // refused there, not forgotten
}

// They are hidden already, as a file that denyRead names.
static Result<void> show_stand_ins(const std::vector<MaskedFile>& files,
                                   const std::string& state_folder,
                                   std::vector<oci::Mount>& mounts) {
  for (size_t i = 0; i < files.size(); ++i) {
    const auto hidden = std::find_if(mounts.begin(), mounts.end(), [&](const oci::Mount& mount) {
      return mount.destination == files[i].path && mount.source == state_folder + "/" + kUnreadable;
    });
    if (hidden == mounts.end()) {
      return fail("credentials: " + files[i].path,
                  "cannot be masked: a rule about a folder above it hides it, or opens it again",
                  "take the file, or that folder, out of the rules");
    }
    hidden->source = state_folder + "/" + masked_file(i);
  }
  return {};
}

Result<platform::Bundle> command_bundle(const SandboxPolicy& policy, const Command& command,
                                        const std::vector<MaskedFile>& files,
                                        const std::string& state_folder) {
  platform::Bundle bundle;
  bundle.dir = state_folder;
  bundle.spec.oci_version = oci::kOciVersionMax;
  bundle.spec.process = process_of(policy, command);
  if (platform::confinement() == platform::Confinement::kHostRules) {
    if (!files.empty()) {
      return fail("credentials: " + files.front().path,
                  "a file cannot be masked on this system (mode \"deny\" hides it)");
    }
    use_host_tree(policy, command, bundle.spec);
    return bundle;
  }
  bundle.spec.linux_ = linux_of(policy, command);
  const HostMounts mounts = platform::host_mounts();
  SRT_ASSIGN(
      FilesystemMounts built,
      filesystem_mounts(policy.filesystem, {.tmpdir = {},
                                            .unreadable_file = state_folder + "/" + kUnreadable,
                                            .uid = command.uid,
                                            .mounts = mounts,
                                            .hidden = hidden_sockets(policy)}));
  bundle.spec.root = oci::Root{"/", built.root_readonly};
  bundle.spec.mounts = std::move(built.mounts);
  bundle.pinned = std::move(built.pinned);
  SRT_TRY(show_stand_ins(files, state_folder, *bundle.spec.mounts));
  bundle.bwrap = policy.bwrap_path;
  if (policy.flags.enable_weaker_nested_sandbox) share_procfs(bundle.spec);
  // As runc and podman have it: they tell of the whole host.
  bundle.spec.linux_->masked_paths = {"/proc/kcore", "/proc/keys", "/proc/timer_list",
                                      "/proc/latency_stats"};
  const std::string unreadable = state_folder + "/" + kUnreadable;
  for (const std::string& bus : named_buses(command.environment)) {
    hide(bus, unreadable, *bundle.spec.mounts);
  }
  for (const std::string& place : places_of_state(state_folder, mounts)) {
    hide(place, unreadable, *bundle.spec.mounts);
  }
  // Who can write there makes its own rules, for destinations too. A mount hides it, since a FIFO can be written
  // through one that is read-only, and also where no file rules hold.
  if (!policy.control_file.empty()) {
    hide(policy.control_file, unreadable, *bundle.spec.mounts);
    for (const std::string& name : other_names(policy.control_file, mounts)) {
      hide(name, unreadable, *bundle.spec.mounts);
    }
  }
  if (policy.tls_authority) {
    // Also where no file rules hold.
    if (!policy.tls_authority->key.empty()) {
      hide(policy.tls_authority->key, unreadable, *bundle.spec.mounts);
    }
    oci::Mount& trust = bundle.spec.mounts->emplace_back();
    trust.destination = kTrustPlace;
    trust.type = "none";
    trust.source = state_folder + "/" + kTrustFile;
    trust.options = std::vector<std::string>{"bind", "ro", "nosuid", "nodev", "noexec"};
  }
  oci::Mount& tmpdir = bundle.spec.mounts->emplace_back();
  tmpdir.destination = kTmpdir;
  tmpdir.type = tmpdir.source = "tmpfs";
  tmpdir.options =
      std::vector<std::string>{"nosuid", "nodev", "mode=0700", "size=" + tmpdir_size()};
  return bundle;
}

std::vector<std::string> hidden_places(const SandboxPolicy& policy,
                                       const platform::Bundle& bundle) {
  std::vector<std::string> places = hidden_sockets(policy);  // its proxy may begin anew
  if (policy.filesystem.disabled) return places;
  for (const platform::PinnedPlace& place : bundle.pinned) {
    if (place.hidden && !policy.filesystem.access(place.path).read) places.push_back(place.path);
  }
  for (const FilesystemLayer& layer : policy.filesystem.layers) {
    for (const PathRule& rule : layer.rules) {
      const bool absent = rule.list == PathList::kDenyRead && !rule.pattern && !rule.exists;
      if (absent && !policy.filesystem.access(rule.path).read) places.push_back(rule.path);
    }
  }
  return places;
}

Result<void> write_command_files(const Entry& entry, const platform::Bundle& bundle,
                                 const std::vector<MaskedFile>& files) {
  for (size_t i = 0; i < files.size(); ++i) {
    SRT_TRY(entry.write_file(masked_file(i), files[i].content, 0444));
    if (fchmodat(entry.dir(), masked_file(i).c_str(), 0444, 0) != 0) {
      return fail_errno(masked_file(i), "chmod");
    }
  }
  const bool trusts =
      bundle.spec.mounts &&
      std::any_of(bundle.spec.mounts->begin(), bundle.spec.mounts->end(),
                  [](const oci::Mount& mount) { return mount.destination == kTrustPlace; });
  if (trusts) {
    SRT_TRY(entry.write_file(kTrustFile, "", 0644));  // srt-tls fills it
    // Whatever our umask is: the command's user may be another one than root.
    if (fchmodat(entry.dir(), kTrustFile, 0644, 0) != 0) return fail_errno(kTrustFile, "chmod");
  }
  const bool hides_a_file =
      bundle.spec.mounts && std::any_of(bundle.spec.mounts->begin(), bundle.spec.mounts->end(),
                                        [&](const oci::Mount& mount) {
                                          return mount.source == bundle.dir + "/" + kUnreadable;
                                        });
  if (!hides_a_file) return {};
  SRT_TRY(entry.write_file(kUnreadable, "", 0600));
  if (fchmodat(entry.dir(), kUnreadable, 0, 0) != 0) return fail_errno(kUnreadable, "chmod");
  return {};
}

}  // namespace srt::runtime
