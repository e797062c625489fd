// The stage: the forked child that enters and makes namespaces, gives birth to the container's first
// process and then becomes bwrap.
//
// Its parent, the runtime, answers it over a SEQPACKET socket: writes id maps and clock offsets.
// After the fork nothing allocates; everything below is prepared before.
// Order, and why it is this one: linux-engine facts in docs/architecture.md.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "platform/linux/cgroup.h"
#include "platform/linux/content.h"

namespace srt::platform {

struct StageJoin {
  int fd = -1;
  int clone_flag = 0;
  const char* path = nullptr;  // for errors
  bool done = false;
};

struct StagePlan {
  int runtime = -1;  // the stage's end of the socket
  pid_t parent = 0;
  bool new_user = false;
  // Text, where the stage may write its maps itself (MapWriter::kStage); null: the runtime writes them.
  const char* uid_map = nullptr;
  const char* gid_map = nullptr;
  int joined_user = -1;        // namespace descriptor
  StageJoin* joins = nullptr;  // net, ipc, uts, cgroup, time
  size_t join_count = 0;
  bool new_pid = false;
  bool new_time = false;
  bool keeps_mounts = false;  // what the host mounts from now on does not come into bwrap's tree
  bool has_time_offsets = false;
  const CgroupEntry* cgroup = nullptr;  // where the container's first process is born
  const char* oom_score_adj = nullptr;  // text; null: leave
  const RaisedRlimit* rlimits = nullptr;
  size_t rlimit_count = 0;
  int bwrap_errors = -1;  // becomes bwrap's stderr
  int init_program = -1;
  const int* init_fds = nullptr;  // reach srt-init
  size_t init_fd_count = 0;
  const int* bwrap_fds = nullptr;  // reach bwrap
  size_t bwrap_fd_count = 0;
  char* const* init_argv = nullptr;
  char* const* bwrap_argv = nullptr;
};

// What the stage says to the runtime.
struct StageReport {
  enum class Type : int32_t {
    kUserNamespace = 1,  // made: write the maps, then answer with one byte
    kTimeNamespace,      // made: write the offsets, then answer
    kBorn,               // `pid` runs srt-init; `code` 1: it is not in its v2 cgroup yet
    kFailed,
  } type;
  pid_t pid = 0;
  int32_t code = 0;
  char object[64] = {};
  char why[256] = {};
};

// The child's side; none of them returns.
[[noreturn]] void run_stage(StagePlan& plan);

// A child that runs the stage without an answer of the runtime, whose memory it shares until it has become bwrap;
// the runtime waits for that. -1 with errno: it could not be made.
bool needs_no_answer(const StagePlan& plan);
pid_t spawn_stage(StagePlan& plan);

// Where bwrap needs nothing of what the other makes there are two children. One becomes bwrap: it shares the
// runtime's memory until then, and the runtime waits. -1 with errno: it could not be made.
pid_t spawn_bwrap(const StagePlan& plan);
// The other is the container's first process itself; `in_v2` as in clone_into_cgroup. With a time namespace
// to be made, which only those born later are in, it takes a stage that gives birth and ends.
pid_t spawn_first_process(const StagePlan& plan, bool& in_v2);
[[noreturn]] void run_birth_stage(StagePlan& plan);

}  // namespace srt::platform
