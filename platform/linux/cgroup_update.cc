// Other limits for a container that has its cgroups already.
#include "platform/linux/cgroup.h"
#include "platform/linux/cgroup_limits.h"
#include "platform/linux/scope.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

// The kernel refuses a memory limit above that of memory and swap together, and the reverse, at every
// moment: when both grow, the second must go first.
Result<void> write_in_some_order(const std::vector<CgroupWrite>& writes) {
  std::vector<CgroupWrite> again;
  for (const CgroupWrite& write : writes) {
    Result<void> done = do_writes({write});
    if (done) continue;
    if (done.error().code != EINVAL) return done;
    again.push_back(write);
  }
  return do_writes(again);
}

}  // namespace

Result<void> update_resources(const Handle& handle, const oci::Resources& resources) {
  // As runc: engines hand over the device rules that the container has already; they stay.
  SRT_ASSIGN(const CgroupHost host, read_cgroup_host());
  const CgroupVersions versions = cgroup_versions(host);
  SRT_ASSIGN(const auto limits, cgroup_limits(resources, versions));
  std::vector<CgroupWrite> writes;
  for (const CgroupLimit& limit : limits) {
    const std::string directory = cgroup_directory(handle.cgroups, limit.controller, versions);
    if (directory.empty()) {
      return fail(limit.pointer,
                  "the container has no cgroup with the " + limit.controller + " controller");
    }
    writes.push_back(cgroup_write(limit, directory));
  }
  SRT_TRY(write_in_some_order(writes));
  if (handle.scope.empty()) return {};
  SRT_ASSIGN(Scope scope, Scope::open(handle.scope));
  return scope.set(scope_properties(limits));
}

}  // namespace srt::platform
