// The child that becomes a sandboxed program: made by create, held until start, then sandbox-exec.
//
// It is a fork of the runtime, which is single-threaded: it may allocate. Nothing of the bundle's has run
// in it before it is sandboxed, but for the startContainer hooks, which are the operator's.
#pragma once

#include "platform/darwin/content.h"
#include "platform/fd.h"

namespace srt::platform::darwin {

// A fixed record, so that whoever reads it need not parse.
struct StartFailure {
  int32_t code = 0;  // errno, or 0
  int32_t exit_status = 1;
  char object[96] = {};
  char why[400] = {};
};
void report(int fd, const Error& error);
Result<void> read_failure(int fd);

struct Terminal {
  UniqueFd master, slave;
};
Result<Terminal> open_terminal(const std::optional<oci::Box>& size);

struct HeldFds {
  int commit = -1;  // one byte: the runtime has written everything down. At its end: it is gone.
  int gate = -1;    // one byte: start. -1: at once
  int report = -1;
  int terminal = -1;  // the slave; -1: the caller's standard descriptors
};

// Never returns. `own_session`: it gets a session, and with a terminal that as its controlling one.
[[noreturn]] void hold(const ProcessPlan& process, const HeldFds& fds, bool own_session,
                       unsigned preserve_fds, const std::vector<oci::Hook>& start_hooks,
                       const std::string& hook_state, const std::string& bundle);

}  // namespace srt::platform::darwin
