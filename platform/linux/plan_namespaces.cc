#include <sys/stat.h>
#include <unistd.h>

#include "oci/names.h"
#include "platform/linux/draft.h"
#include "platform/linux/namespaces.h"
#include "platform/linux/programs.h"

namespace srt::platform {
namespace {

std::string pointer_to(const Draft& draft, oci::NamespaceType type) {
  size_t index = 0;
  for (const oci::Namespace& entry : oci::items(draft.os().namespaces)) {
    if (entry.type == type) return "/linux/namespaces/" + std::to_string(index);
    ++index;
  }
  return "/linux/namespaces";
}

// The kernel lets nobody join the user namespace that he is in; who is asked to is there already. Engines ask
// where two containers share the one that the engine itself lives in.
bool is_own_user_namespace(const oci::Namespace& entry) {
  struct stat own, other;
  return entry.type == oci::NamespaceType::kUser && entry.path && !entry.path->empty() &&
         stat("/proc/self/ns/user", &own) == 0 && stat(entry.path->c_str(), &other) == 0 &&
         own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

bool maps_root(const std::vector<oci::IdMapping>& mappings) {
  for (const oci::IdMapping& mapping : mappings) {
    if (mapping.container_id == 0 && mapping.size > 0) return true;
  }
  return false;
}

bool is_own_id(const std::vector<oci::IdMapping>& mappings, uint32_t id) {
  return mappings.size() == 1 && mappings[0].size == 1 && mappings[0].host_id == id;
}

Result<void> plan_user_namespace(Draft& draft) {
  UserNamespacePlan& user = draft.plan.user;
  user.uids = oci::items(draft.os().uid_mappings);
  user.gids = oci::items(draft.os().gid_mappings);
  std::string where = pointer_to(draft, oci::NamespaceType::kUser);
  if (user.uids.empty() || user.gids.empty()) {
    return fail(user.uids.empty() ? "/linux/uidMappings" : "/linux/gidMappings",
                "a new user namespace needs mappings, got none",
                "map at least container id 0, or see `srt-runtime spec --rootless`");
  }
  // bwrap and srt-init work as uid 0 of the namespace, and so does every OCI engine.
  if (!maps_root(user.uids)) {
    return fail("/linux/uidMappings", "no mapping for container uid 0",
                "add one with containerID 0");
  }
  if (!maps_root(user.gids)) {
    return fail("/linux/gidMappings", "no mapping for container gid 0",
                "add one with containerID 0");
  }
  if (draft.host.uid == 0) {
    user.writer = MapWriter::kRuntime;
    return {};
  }
  if (is_own_id(user.uids, draft.host.uid) && is_own_id(user.gids, draft.host.gid)) {
    user.writer = MapWriter::kStage;
    return {};
  }
  user.writer = MapWriter::kHelpers;
  SRT_ASSIGN(user.newuidmap, find_program(Program::kNewuidmap));
  SRT_ASSIGN(user.newgidmap, find_program(Program::kNewgidmap));
  return {};
}

}  // namespace

const oci::Linux& Draft::os() const {
  static const oci::Linux none;
  return spec().linux_ ? *spec().linux_ : none;
}

const oci::Namespace* Draft::listed(oci::NamespaceType type) const {
  for (const oci::Namespace& entry : oci::items(os().namespaces)) {
    if (entry.type == type) return is_own_user_namespace(entry) ? nullptr : &entry;
  }
  return nullptr;
}

bool Draft::is_new(oci::NamespaceType type) const {
  const oci::Namespace* entry = listed(type);
  return entry != nullptr && (!entry->path || entry->path->empty());
}

bool Draft::in_user_namespace() const {
  return !host.initial_user_namespace || listed(oci::NamespaceType::kUser) != nullptr;
}

bool Draft::passthrough() const { return spec().root && spec().root->path == "/"; }

Result<void> plan_namespaces(Draft& draft) {
  Plan::Content& plan = draft.plan;
  const oci::Namespace* mount = draft.listed(oci::NamespaceType::kMount);
  if (mount == nullptr) {
    return fail("/linux/namespaces",
                "has no mount namespace: the host's own mounts would be changed",
                "add {\"type\": \"mount\"}");
  }
  if (mount->path && !mount->path->empty()) {
    return fail(
        pointer_to(draft, oci::NamespaceType::kMount) + "/path",
        "a mount namespace cannot be joined: its mounts would be those of another container",
        "leave the path out");
  }
  for (const NamespaceKind& kind : kNamespaces) {
    const oci::Namespace* entry = draft.listed(kind.type);
    if (entry == nullptr) continue;
    if (draft.is_new(kind.type)) {
      if (kind.type != oci::NamespaceType::kUser) plan.unshare |= kind.clone_flag;
      continue;
    }
    struct stat st;
    if (stat(entry->path->c_str(), &st) != 0) {
      return fail_errno(pointer_to(draft, kind.type) + "/path", *entry->path);
    }
    plan.joins.push_back({kind.type, *entry->path});
  }
  if (draft.is_new(oci::NamespaceType::kUser)) {
    SRT_TRY(plan_user_namespace(draft));
  } else if (draft.listed(oci::NamespaceType::kUser) == nullptr && draft.host.uid != 0) {
    return fail(
        "/linux/namespaces",
        "an ordinary user can only make containers with a user namespace, and none is listed",
        "add {\"type\": \"user\"} with uidMappings and gidMappings, or start from "
        "`srt-runtime spec --rootless`");
  }
  if (const auto& offsets = draft.os().time_offsets) {
    auto line = [&](const char* clock, const std::optional<oci::TimeOffset>& offset) {
      if (!offset) return;
      plan.time_offsets += std::string(clock) + " " + std::to_string(offset->secs.value_or(0)) +
                           " " + std::to_string(offset->nanosecs.value_or(0)) + "\n";
    };
    line("monotonic", offsets->monotonic);
    line("boottime", offsets->boottime);
    if (!plan.time_offsets.empty() && !draft.is_new(oci::NamespaceType::kTime)) {
      return fail("/linux/timeOffsets", "need a new time namespace",
                  "add {\"type\": \"time\"} to /linux/namespaces");
    }
    if (!plan.time_offsets.empty() && access("/proc/self/timens_offsets", F_OK) != 0) {
      return fail("/linux/timeOffsets", "this kernel has no time namespaces",
                  "needs Linux 5.6 with CONFIG_TIME_NS");
    }
  }
  plan.init.holder_namespaces =
      CLONE_NEWNS | (plan.unshare & (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
  plan.init.cgroup_namespace = (plan.unshare & CLONE_NEWCGROUP) != 0;
  plan.init.own_mounts_first = draft.listed(oci::NamespaceType::kUser) != nullptr;
  return {};
}

}  // namespace srt::platform
