// bwrap's part: the new net, ipc and uts namespaces and the tree that srt-init starts in.
#include "platform/linux/draft.h"
#include "platform/linux/namespaces.h"

namespace srt::platform {

void plan_bwrap(Draft& draft) {
  Plan::Content& plan = draft.plan;
  std::vector<BwrapOp> ops = {{{"--die-with-parent"}}};
  for (const NamespaceKind& kind : kNamespaces) {
    if (!kind.bwrap_flag.empty() && (plan.unshare & kind.clone_flag) != 0) {
      ops.push_back({{std::string(kind.bwrap_flag)}});
    }
  }
  bool own_pid = (plan.unshare & CLONE_NEWPID) != 0;
  if (draft.passthrough()) {
    // The tree is the mount plan itself (plan_passthrough.cc), in order.
    ops.insert(ops.end(), plan.base.begin(), plan.base.end());
  } else {
    bool host_tree = plan.init.rootfs_at != "/rootfs";
    if (host_tree) {
      ops.push_back({{"--dev-bind", "/", "/"}});
    } else {
      ops.push_back({{"--dir", "/rootfs"}});
      // The holder's program is found through /proc, and a rootless procfs or sysfs can be mounted
      // only where another one is in sight.
      ops.push_back(own_pid ? BwrapOp{{"--proc", "/proc"}} : BwrapOp{{"--dev-bind", "/proc", "/proc"}});
      if (draft.in_user_namespace()) ops.push_back({{"--ro-bind", "/sys", "/sys"}});
    }
  }
  ops.push_back({{"--", "/proc/self/fd/@init", "hold", "@holder"}});
  plan.base = std::move(ops);
}

}  // namespace srt::platform
