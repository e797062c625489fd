// The plan of a container on Linux: all decisions, no side effect. launch.cc is its one interpreter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/spec.h"
#include "platform/encode.h"
#include "platform/linux/cgroup.h"
#include "platform/linux/init/plan.h"
#include "platform/platform.h"

namespace srt::platform {

// A namespace that is joined before bwrap runs.
struct JoinedNamespace {
  oci::NamespaceType type = oci::NamespaceType::kNetwork;
  std::string path;
  bool operator==(const JoinedNamespace&) const = default;
};

// Who may write a user namespace's id maps.
enum class MapWriter {
  kNobody,   // no new user namespace
  kRuntime,  // we have CAP_SETUID and CAP_SETGID: straight into /proc
  kStage,    // an ordinary user's own single id: straight too, setgroups denied first
  kHelpers,  // newuidmap and newgidmap
};

struct UserNamespacePlan {
  MapWriter writer = MapWriter::kNobody;
  std::vector<oci::IdMapping> uids, gids;
  std::string newuidmap, newgidmap;  // absolute paths, with kHelpers
  bool operator==(const UserNamespacePlan&) const = default;
};

// What an idmapped mount shows instead of the ids on the disk.
struct IdmapPlan {
  std::vector<oci::IdMapping> uids, gids;
  std::string user_namespace;  // path; its mappings instead
  bool recursive = false;
  bool wanted() const { return !uids.empty() || !user_namespace.empty(); }
};

// One operation of bwrap's command line. Words with '@' in them name descriptors known only when it
// runs: @init, @holder.
struct BwrapOp {
  std::vector<std::string> words;
  bool operator==(const BwrapOp&) const = default;
};

struct RaisedRlimit {  // needs the initial user namespace's CAP_SYS_RESOURCE: set before it is left
  int resource = 0;
  uint64_t soft = 0, hard = 0;
  bool operator==(const RaisedRlimit&) const = default;
};

struct Plan::Content {
  std::string id;
  std::string bundle;
  std::string bwrap;  // absolute path
  UserNamespacePlan user;
  std::vector<JoinedNamespace> joins;  // user first, pid last
  uint64_t unshare = 0;       // CLONE_NEW…: what bwrap or the stage makes new, user excluded
  std::string time_offsets;   // what goes into timens_offsets
  std::vector<BwrapOp> base;  // bwrap's arguments, in order
  std::string holder_at;      // srt-holder in bwrap's tree; empty: it is run from its descriptor
  // bwrap needs neither the container's user namespace nor its pid namespace: it is started first and
  // builds while the runtime makes the cgroups.
  bool bwrap_first = false;
  bool keeps_mounts =
      false;  // of a tree that is the host's: what the host mounts later stays outside
  CgroupPlan cgroup;
  bool lone_cgroups = false;  // see Handle
  std::optional<int64_t> oom_score_adj;
  std::vector<RaisedRlimit> rlimits;
  bool clone_trees_early = false;  // host root with a new user namespace: sources may be 0700
  std::vector<IdmapPlan> idmaps;   // per mount
  std::string console_socket, pidfd_socket;
  bool terminal_to_caller = false;
  std::string seccomp_listener, seccomp_metadata;
  bool has_seccomp_agent = false;
  std::map<std::string, std::string> net_devices;  // on the host → inside
  std::optional<oci::IntelRdt> rdt;
  std::optional<EgressOptions> egress;
  oci::StringMap annotations;  // for the state that hooks and the seccomp agent get
  std::string oci_version;
  init::InitPlan<wire::Owned> init;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;
};

}  // namespace srt::platform
