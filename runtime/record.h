// What is kept of a container in its state.json: the specification's state plus what finds the
// container again.
//
// Reading it is strict: a property that is missing or of the wrong type is an error that names it,
// never a guess, because a wrong pid would be signalled. Only what came to it later may be missing, so
// that a container outlives an upgrade of the runtime.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "oci/error.h"
#include "oci/write.h"
#include "platform/platform.h"

namespace srt::runtime {

// How far the lifecycle came, as written down. What a container *is* now (its Status) also depends
// on who is alive: see Entry::status().
enum class Phase { kCreating, kCreated, kRunning };

// runtime-spec "State", and runc's "paused".
enum class Status { kCreating, kCreated, kRunning, kPaused, kStopped };
std::string_view to_string(Status status);

struct Record {
  std::string oci_version;
  std::string id;
  Phase phase = Phase::kCreating;
  std::string bundle;   // absolute
  std::string rootfs;   // absolute
  std::string created;  // RFC 3339 with nanoseconds
  std::string owner;    // user name, or "#uid" where it has none
  std::map<std::string, std::string> annotations;
  // Whether config.json has such hooks: without them start and delete need not read it.
  bool poststart_hooks = false;
  bool poststop_hooks = false;
  platform::Handle handle;
  // Under an egress policy: its hash, and how much of the network leads to the guard ("all-ports", or
  // "named-ports" where the kernel has no nf_tables). Empty: none.
  std::string policy_hash, guard_level;
  std::string proxy_socket;  // that the monitor's connector leads to; empty: it has none
  std::string
      policy_ceiling;  // --policy of create, absolute: an update may not go beyond it either

  bool file_rules = false;  // filesystem rules hold in it (runtime/file_rules.h)

  bool operator==(const Record&) const = default;
};

std::string to_json(const Record& record);
// `object` names the file in errors.
Result<Record> parse_record(std::string_view json, const std::string& object);

// The specification's state, what hooks get on stdin. `pid` is left out when the container is
// stopped or has none yet.
std::string state_for_hooks(const Record& record, Status status);
// What `state` and `list` show: runc's state, pid 0 when stopped.
std::string state_for_caller(const Record& record, Status status, oci::Layout layout);

// The name of a user in /etc/passwd, "#uid" if it is not there. The file is read directly: a
// statically linked program cannot load the modules of nsswitch.conf.
std::string user_name(uint32_t uid, const std::string& passwd = "/etc/passwd");

}  // namespace srt::runtime
