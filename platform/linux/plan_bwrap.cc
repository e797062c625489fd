// bwrap's part: the new net, ipc and uts namespaces and the tree that srt-init starts in.
#include "platform/linux/draft.h"
#include "platform/linux/namespaces.h"

namespace srt::platform {
namespace {

constexpr const char* kHolder = "/srt-holder";

}  // namespace

void plan_bwrap(Draft& draft) {
  Plan::Content& plan = draft.plan;
  plan.bwrap_first = !draft.passthrough() && !draft.in_user_namespace();
  // Killed at a bad moment, bwrap leaves a child that waits for it for ever. In the container's pid
  // namespace the first process takes that child along; outside of it nobody would, so there bwrap is not
  // killed with the runtime but ends by itself: its holder finds nobody at the other end of its socket.
  std::vector<BwrapOp> ops;
  if (!plan.bwrap_first) ops.push_back({{"--die-with-parent"}});
  for (const NamespaceKind& kind : kNamespaces) {
    if (!kind.bwrap_flag.empty() && (plan.unshare & kind.clone_flag) != 0) {
      ops.push_back({{std::string(kind.bwrap_flag)}});
    }
  }
  if (draft.passthrough()) {
    // The tree is the mount plan itself (plan_passthrough.cc), in order.
    ops.insert(ops.end(), plan.base.begin(), plan.base.end());
  } else {
    bool host_tree = plan.init.rootfs_at != "/rootfs";
    if (host_tree) {
      ops.push_back({{"--dev-bind", "/", "/"}});
    } else {
      ops.push_back({{"--dir", "/rootfs"}});
      plan.holder_at = kHolder;
      if (draft.in_user_namespace()) {
        // A procfs or sysfs can be mounted in a user namespace only where another one is in sight.
        // Nothing of the container runs in this tree, so it may be the host's.
        ops.push_back({{"--dev-bind", "/proc", "/proc"}});
        ops.push_back({{"--ro-bind", "/sys", "/sys"}});
      }
    }
  }
  const bool has_file = !plan.holder_at.empty();
  if (has_file) ops.push_back({{"--perms", "0500", "--file", "@holder", plan.holder_at}});
  ops.push_back({{"--", has_file ? plan.holder_at : "/proc/self/fd/@holder", "@socket"}});
  plan.base = std::move(ops);
}

}  // namespace srt::platform
