// What can be done with a container that creation.h made, in the order that the specification wants it
// done (runtime-spec "Lifecycle"). Each function is one command: it finds the container in the store,
// checks that its status allows the step, takes it, and writes down what became of it.
//
//   SRT_ASSIGN(Created created, create(store, request, log));
//   SRT_TRY(start(store, created, log));
//   …
//   SRT_TRY(remove(store, request.id, {.force = true}, log));
//
// Messages that callers look for in the text of an error ("container does not exist", "container
// not running", …) are runc's.
#pragma once

#include <string>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/platform.h"
#include "runtime/creation.h"  // the first of them
#include "runtime/log.h"
#include "runtime/store.h"

namespace srt::runtime {

Result<void> start(const Store& store, const ContainerId& id, const Log& log);
// The same for one that this process has just made and that nobody could touch since.
Result<void> start(const Store& store, Created& created, const Log& log);

// To the container's first process, or with `all` to every process. Error code ESRCH: stopped.
Result<void> signal(const Store& store, const ContainerId& id, int signal, bool all);

// Every process of the container stops where it is, until it is resumed.
Result<void> pause(const Store& store, const ContainerId& id);
Result<void> resume(const Store& store, const ContainerId& id);

// Other limits for a container that is not stopped.
Result<void> update_resources(const Store& store, const ContainerId& id,
                              const oci::Resources& resources);

struct Removal {
  bool force = false;  // also a running, a half-made and an unknown one
  bool hooks = true;   // false: a command's, which has none; what names one there is not ours
};
Result<void> remove(const Store& store, const ContainerId& id, Removal how, const Log& log);

// Takes away what commands of `srt` left whose caller was killed (ids "srt-PID-…" of a PID that is gone).
void sweep(const Store& store, const Log& log);

struct ExecRequest {
  ContainerId id;
  oci::Process process;
  platform::ExecOptions options;
  bool ignore_paused = false;
  std::string pid_file;
};
struct Executed {
  platform::ExecChild child;
  Record record;
};
Result<Executed> exec(const Store& store, const ExecRequest& request);

struct Inspected {
  Record record;
  Status status = Status::kStopped;
};
Result<Inspected> inspect(const Store& store, const ContainerId& id);

// The spec that a container was made from.
Result<oci::Spec> spec_of(const Store& store, const ContainerId& id);

}  // namespace srt::runtime
