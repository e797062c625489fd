// systemd's scopes, by way of srt-scope: libsystemd is in that program alone, which nobody else starts.
//
//   SRT_ASSIGN(Scope scope, Scope::make(plan));   // systemd has made the control group
//   …limits, and a first process inside…
//   scope.take_in(pid);                           // where the kernel does not let us move it ourselves
//
// Until it is destroyed srt-scope is in the control group: systemd removes a scope in which nobody is. So one that
// a killed runtime leaves goes by itself. Callers must be single-threaded; each call waits for systemd, at most
// some 35 s.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/linux/scope_plan.h"
#include "platform/platform.h"
#include "platform/sidecar.h"

namespace srt::platform {

class Scope {
 public:
  static Result<Scope> make(const ScopePlan& plan, const std::string& description);
  // One that exists.
  static Result<Scope> open(const std::string& unit);

  // systemd may move a process between a user's session and its manager's tree; the user may not
  // (cgroup-v2.rst, "Delegation Containment").
  Result<void> take_in(pid_t pid);
  Result<void> set(const std::vector<ScopeProperty>& properties);
  // Ends what is left in it; one that is gone is no error. A unit of the same name can be made afterwards.
  Result<void> stop();

 private:
  Result<std::string> ask(const std::string& request);

  std::string unit_;
  Sidecar keeper_;
  UniqueFd socket_;
};

// A container's, if it has one. systemd sees by itself that nobody is in it any more, in its own time; the next
// container of that name wants its unit now. The control group is systemd's to remove: it never hears that somebody
// else has, and takes the unit for running. A systemd that cannot be reached is no error: the user has logged out, or
// it sees by itself.
Result<void> end_scope(const Handle& handle);

// Whether srt-scope was installed.
bool has_scopes();

}  // namespace srt::platform
