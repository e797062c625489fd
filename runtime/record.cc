#include "runtime/record.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "oci/read.h"
#include "oci/state.h"
#include "platform/fd.h"

namespace srt::platform {

template <oci::FieldsOf<Handle> T, class Visit>
void visit_fields(T& handle, Visit&& visit) {
  visit("initStart", handle.init_start);
  visit("ownPidNamespace", handle.own_pid_namespace);
  visit("cgroups", handle.cgroups);
  oci::WithDefault lone_cgroups{handle.lone_cgroups};
  visit("loneCgroups", lone_cgroups);
  oci::WithDefault scope{handle.scope};
  visit("scope", scope);
  visit("mountNamespace", handle.mount_namespace);
  visit("rdtGroup", handle.rdt_group);
  visit("monitor", handle.monitor);
  visit("monitorStart", handle.monitor_start);
  visit("broker", handle.broker);
  visit("brokerStart", handle.broker_start);
  oci::WithDefault run{handle.run};
  visit("run", run);
  oci::WithDefault guard_port{handle.guard_port};
  visit("guardPort", guard_port);
  oci::WithDefault own_tmpdir{handle.own_tmpdir};
  visit("ownTmpdir", own_tmpdir);
}

}  // namespace srt::platform

namespace srt::oci {

template <>
inline constexpr NameTable<3> kNames<runtime::Phase> = {"creating", "created", "running"};
template <>
inline constexpr NameTable<5> kNames<runtime::Status> = {"creating", "created", "running", "paused",
                                                         "stopped"};

}  // namespace srt::oci

namespace srt::runtime {

template <oci::FieldsOf<Record> T, class Visit>
void visit_fields(T& record, Visit&& visit) {
  visit("ociVersion", record.oci_version);
  visit("id", record.id);
  visit("phase", record.phase);
  visit("pid", record.handle.init);
  visit("bundle", record.bundle);
  visit("rootfs", record.rootfs);
  visit("created", record.created);
  visit("owner", record.owner);
  visit("annotations", record.annotations);
  visit("poststartHooks", record.poststart_hooks);
  visit("poststopHooks", record.poststop_hooks);
  visit("handle", record.handle);
  visit("policyHash", record.policy_hash);
  visit("guardLevel", record.guard_level);
  visit("policyCeiling", record.policy_ceiling);
  oci::WithDefault proxy_socket{record.proxy_socket};
  visit("proxySocket", proxy_socket);
  oci::WithDefault file_rules{
      record.file_rules};  // a build that did not know them had none to hold
  visit("fileRules", file_rules);
}

namespace {

// runc's state: what engines parse from `state` and `list --format json`.
struct CallerState {
  const Record& record;
  Status status;
};

template <oci::FieldsOf<CallerState> T, class Visit>
void visit_fields(T& state, Visit&& visit) {
  const Record& record = state.record;
  visit("ociVersion", record.oci_version);
  visit("id", record.id);
  visit("pid", state.status == Status::kStopped ? pid_t{0} : record.handle.init);
  visit("status", state.status);
  visit("bundle", record.bundle);
  visit("rootfs", record.rootfs);
  visit("created", record.created);
  if (!record.annotations.empty()) visit("annotations", record.annotations);
  visit("owner", record.owner);
  if (record.policy_hash.empty()) return;
  visit("policy", record.policy_hash);
  visit("guard", record.guard_level);
}

// Hooks and the specification know no "paused".
oci::Status without_paused(Status status) {
  switch (status) {
    case Status::kCreating: return oci::Status::kCreating;
    case Status::kCreated: return oci::Status::kCreated;
    case Status::kRunning:
    case Status::kPaused: return oci::Status::kRunning;
    case Status::kStopped: return oci::Status::kStopped;
  }
  return oci::Status::kStopped;
}

// The user id of a line "name:password:uid:…", if it is one.
std::optional<uint32_t> uid_of(std::string_view line, size_t name_end) {
  size_t at = line.find(':', name_end + 1);
  if (at == std::string_view::npos) return {};
  uint32_t uid;
  const char* end = line.data() + line.size();
  auto [rest, error] = std::from_chars(line.data() + at + 1, end, uid);
  if (error != std::errc() || rest == end || *rest != ':') return {};
  return uid;
}

}  // namespace

std::string_view to_string(Status status) { return oci::name(status); }

std::string to_json(const Record& record) {
  return oci::write_document(record, oci::Layout::kCompact);
}

Result<Record> parse_record(std::string_view json, const std::string& object) {
  oci::Checked<Record> record = oci::read_document<Record>(json, object);
  // kill(0) and kill(-1) reach everyone: such a pid never gets in. 0 is "none yet".
  if (record && record->handle.init < 0) {
    return fail(object, "/pid: must be at least 0, got " + std::to_string(record->handle.init));
  }
  if (!record) return fail(record.error());
  return std::move(*record);
}

std::string state_for_hooks(const Record& record, Status status) {
  oci::State state;
  state.oci_version = record.oci_version;
  state.id = record.id;
  state.status = without_paused(status);
  if (status != Status::kStopped && record.handle.init > 0) state.pid = record.handle.init;
  state.bundle = record.bundle;
  if (!record.annotations.empty()) state.annotations = record.annotations;
  return oci::print(state, oci::Layout::kCompact);
}

std::string state_for_caller(const Record& record, Status status, oci::Layout layout) {
  return oci::write_document(CallerState{record, status}, layout);
}

std::string user_name(uint32_t uid, const std::string& passwd) {
  std::string unnamed = "#" + std::to_string(uid);
  Result<std::string> text = read_file(passwd);
  if (!text) return unnamed;
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    size_t name_end = line.find(':');
    if (name_end == std::string_view::npos) continue;
    if (uid_of(line, name_end) == uid) return std::string(line.substr(0, name_end));
  }
  return unnamed;
}

}  // namespace srt::runtime
