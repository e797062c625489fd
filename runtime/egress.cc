#include "runtime/egress.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "platform/fd.h"
#include "platform/unix_socket.h"
#include "runtime/audit_files.h"
#include "runtime/bundle.h"
#include "runtime/monitor_config.h"
#include "runtime/proxy_environment.h"

namespace srt::runtime {
namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr const char* kResolvConfFile = "resolv.conf";
// Any address would do: every one inside is answered by the guard.
constexpr std::string_view kResolvConfText = "nameserver 127.0.0.1\n";

oci::Namespace* network_of(oci::Spec& spec) {
  if (!spec.linux_ || !spec.linux_->namespaces) return nullptr;
  for (oci::Namespace& entry : *spec.linux_->namespaces) {
    if (entry.type == oci::NamespaceType::kNetwork) return &entry;
  }
  return nullptr;
}

oci::Mount* resolv_conf_of(oci::Spec& spec) {
  if (!spec.mounts) return nullptr;
  auto it = std::find_if(spec.mounts->begin(), spec.mounts->end(),
                         [](const oci::Mount& mount) { return mount.destination == kResolvConf; });
  return it == spec.mounts->end() ? nullptr : &*it;
}

// A file in the rootfs that is a link, or none at all, is left as it is: lookups end at the guard
// whatever stands there.
bool has_resolv_conf(const platform::Bundle& bundle) {
  struct stat st;
  return lstat((absolute_rootfs(bundle) + kResolvConf).c_str(), &st) == 0 && S_ISREG(st.st_mode);
}

void use_our_resolv_conf(platform::Bundle& bundle, const std::string& ours) {
  oci::Mount mount;
  mount.destination = kResolvConf;
  mount.type = "bind";
  mount.source = ours;
  mount.options = std::vector<std::string>{"bind", "ro", "nosuid", "nodev", "noexec"};
  if (oci::Mount* theirs = resolv_conf_of(bundle.spec)) {
    *theirs = mount;
  } else if (has_resolv_conf(bundle)) {
    if (!bundle.spec.mounts) bundle.spec.mounts.emplace();
    bundle.spec.mounts->push_back(mount);
  }
}

// Whatever it is, it does not block (a FIFO) and takes no terminal.
Result<UniqueFd> open_if_named(const std::string& path) {
  if (path.empty()) return UniqueFd();
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return fail_errno(path, "open");
  return fd;
}

// Where the operator wants each event as well. It may be root's file in a folder of root's: the monitor,
// which is nobody, gets it opened. A link would let whoever may plant one choose what grows.
Result<UniqueFd> open_audit_copy(const std::string& path) {
  if (path.empty()) return UniqueFd();
  UniqueFd fd(open(path.c_str(),
                   O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  struct stat st;
  if (!fd || fstat(fd.get(), &st) != 0) {
    return fail_errno(path, "open for the audit events", errno,
                      "audit/file of the policy names it: it must be a file, and no link");
  }
  if (!S_ISREG(st.st_mode)) return fail(path, "is no regular file: audit events cannot go there");
  return fd;
}

// `connector` goes with the first byte; -1: none.
Result<std::string> exchange(int socket, const std::string& document, int connector) {
  std::string_view rest = document;
  if (connector >= 0) {
    SRT_TRY(platform::send_with_descriptor(socket, rest.substr(0, 1), connector));
    rest.remove_prefix(1);
  }
  while (!rest.empty()) {
    ssize_t n = send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("srt-monitor", "send");
    rest.remove_prefix(static_cast<size_t>(n));
  }
  if (shutdown(socket, SHUT_WR) != 0) return fail_errno("srt-monitor", "send");
  std::string answer;
  char buffer[4096];
  for (;;) {
    ssize_t n = recv(socket, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("srt-monitor", "receive");
    if (n == 0) return answer;
    answer.append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace

std::string proxy_socket(const EffectivePolicy& policy) {
  return policy.egress.mitm ? policy.egress.mitm->socket_path : std::string();
}

Result<UniqueFd> make_audit_folder(int dir) {
  if (mkdirat(dir, kAuditFolder, 0700) != 0 && errno != EEXIST) {
    return fail_errno(kAuditFolder, "make");
  }
  UniqueFd fd(openat(dir, kAuditFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(kAuditFolder, "open");
  return fd;
}

Result<UniqueFd> open_file_violations(int dir) {
  SRT_ASSIGN(UniqueFd folder, make_audit_folder(dir));
  UniqueFd fd(openat(folder.get(), kFileViolations,
                     O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(kFileViolations, "open");
  return fd;
}

// The workload gets a network namespace of its own, and its names are looked up at the guard.
Result<void> Egress::use_own_network(platform::Bundle& bundle, const std::string& state_folder) {
  SRT_TRY(check_enforceable(policy_, bundle.spec));
  oci::Namespace* network = network_of(bundle.spec);
  if (network && network->path && !network->path->empty()) {
    // The workload gets a namespace of its own; what the engine allows this one, the guard may dial. One
    // without interfaces is an engine's "no network": the guard dials from here.
    SRT_ASSIGN(bool leads_out, platform::has_interfaces(*network->path));
    if (leads_out) {
      dial_namespace_ = *network->path;
      if (oci::Mount* theirs = resolv_conf_of(bundle.spec)) {
        resolv_conf_ = theirs->source.value_or("");
      }
    }
    network->path.reset();
  }
  if (!state_folder.empty()) {
    use_our_resolv_conf(bundle, state_folder + "/" + kResolvConfFile);
  }
  return {};
}

Result<Egress> Egress::of(platform::Bundle& bundle, const std::string& policy_file,
                          const std::string& state_folder) {
  PolicySources sources;
  sources.bundle = bundle.dir;
  sources.annotations = oci::items(bundle.spec.annotations);
  sources.policy_file = policy_file;
  SRT_ASSIGN(EffectivePolicy policy, effective_policy(sources));
  return with(std::move(policy), bundle, state_folder);
}

Result<Egress> Egress::with(EffectivePolicy policy, platform::Bundle& bundle,
                            const std::string& state_folder) {
  Egress egress;
  egress.policy_ = std::move(policy);
  if (!egress.present()) return egress;
  if (platform::confinement() == platform::Confinement::kOwnTree) {
    SRT_TRY(egress.use_own_network(bundle, state_folder));
  }
  if (!state_folder.empty()) {
    SRT_ASSIGN(egress.way_out_, platform::open_way_out());
  }
  if (bundle.spec.process) {
    oci::List<std::string>& env = bundle.spec.process->env;
    if (!env) env.emplace();
    const platform::WayOut& way_out = egress.way_out_;
    set_proxy_environment(*env, egress.policy_.egress,
                          {way_out.http, way_out.socks, way_out.token});
  }
  return egress;
}

platform::EgressOptions Egress::options() const {
  std::set<uint16_t> ports;
  for (const proxy::RuleLayer& layer : policy_.egress.layers) {
    for (const proxy::Rule& rule : layer.allowed) {
      if (rule.pattern.port) ports.insert(*rule.pattern.port);
    }
  }
  return {{ports.begin(), ports.end()}, way_out_.http};
}

Result<void> Egress::write_resolv_conf(const Entry& entry) const {
  if (platform::confinement() != platform::Confinement::kOwnTree) return {};
  SRT_TRY(entry.write_file(kResolvConfFile, kResolvConfText, 0644));
  // Root of another user namespace reads it through the bind, whatever the umask is.
  (void)fchmodat(entry.dir(), kResolvConfFile, 0644, 0);
  return {};
}

Result<void> Egress::start(platform::Monitor& monitor, const Entry& entry, const ContainerId& id,
                           int tls) const {
  SRT_ASSIGN(UniqueFd audit, make_audit_folder(entry.dir()));
  SRT_ASSIGN(UniqueFd commands, platform::listen_unix_at(entry.dir(), kMonitorSocket));
  SRT_ASSIGN(UniqueFd network, open_if_named(dial_namespace_));
  SRT_ASSIGN(UniqueFd resolv_conf, open_if_named(resolv_conf_));
  SRT_ASSIGN(UniqueFd audit_copy, open_audit_copy(policy_.audit.file));
  platform::MonitorOptions options;
  options.container = id.str();
  options.config = to_json(MonitorConfig{id.str(), policy_, way_out_.token, secrets_});
  options.audit_dir = audit.get();
  options.audit_copy = audit_copy.get();
  options.commands = commands.get();
  options.dial_namespace = network.get();
  options.resolv_conf = resolv_conf.get();
  options.listener = way_out_.listener.get();
  options.listener_v6 = way_out_.listener_v6.get();
  options.tls = tls;
  UniqueFd connector;
  if (const std::string socket = proxy_socket(policy_); !socket.empty()) {
    SRT_ASSIGN(connector, platform::start_connector(id.str(), socket));
  }
  options.connector = connector.get();
  return monitor.start(options);
}

void inherit_proxy_environment(oci::Process& process, const oci::Spec& container) {
  if (!container.process) return;
  std::vector<std::string> ours;  // whatever the policy: the names are the same
  set_proxy_environment(ours, proxy::EgressPolicy(), {.http = 1, .socks = 1, .token = "any"});
  std::set<std::string> names;
  for (const std::string& entry : ours) names.insert(entry.substr(0, entry.find('=')));
  auto is_ours = [&](const std::string& entry) {
    return names.count(entry.substr(0, entry.find('='))) != 0;
  };
  oci::List<std::string>& env = process.env;
  if (!env) env.emplace();
  std::erase_if(*env, is_ours);
  for (const std::string& entry : oci::items(container.process->env)) {
    if (is_ours(entry)) env->push_back(entry);
  }
}

Result<void> replace_policy(const Store& store, const ContainerId& id,
                            const EffectivePolicy& policy) {
  SRT_ASSIGN(Entry entry, store.lock(id, Lock::kExclusive));
  SRT_ASSIGN(Record record, entry.load());
  if (entry.status(record) == Status::kStopped) return fail("", "container not running");
  if (record.policy_hash.empty()) {
    return fail("", "the container has no egress policy",
                "a policy is given at create: srt.json beside config.json, or an annotation");
  }
  Result<UniqueFd> socket = platform::connect_unix_at(entry.dir(), kMonitorSocket);
  if (!socket) {
    return fail_errno("srt-monitor", "connect", socket.error().code,
                      "it may have ended: the container has no way out");
  }
  const std::string wanted = proxy_socket(policy);
  UniqueFd connector;
  if (!wanted.empty() && wanted != record.proxy_socket) {
    SRT_ASSIGN(connector, platform::start_connector(id.str(), wanted));
  }
  SRT_ASSIGN(std::string answer,
             exchange(socket->get(), to_json(policy, Secrets::kShown), connector.get()));
  if (answer != "ok\n") {
    return fail("srt-monitor",
                answer.empty() ? "gave no answer" : answer.substr(0, answer.find('\n')));
  }
  record.policy_hash = policy.hash;
  if (!wanted.empty()) record.proxy_socket = wanted;  // its connector stays, whoever comes after
  return entry.save(record);
}

Result<void> update_policy(const Store& store, const ContainerId& id, const std::string& file) {
  SRT_ASSIGN(Entry entry, store.find(id));
  SRT_ASSIGN(Record record, entry.load());
  PolicySources sources;
  sources.annotations = record.annotations;
  sources.policy_file = record.policy_ceiling;
  sources.replacement = file;
  SRT_ASSIGN(EffectivePolicy policy, effective_policy(sources));
  return replace_policy(store, id, policy);
}

}  // namespace srt::runtime
