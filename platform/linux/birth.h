// What a container's first processes are born with: programs, words, descriptors, namespaces.
//
// Prepared whole, because nothing allocates after the fork, and held until they are born, since `stage`
// points into the rest. Then it goes, and with it the runtime's copies of what is theirs alone.
//
//   Birth birth(plan.content());
//   SRT_TRY(birth.make_sockets());
//   SRT_TRY(birth.equip_bwrap());      // enough for spawn_bwrap(birth.stage)
//   SRT_TRY(birth.equip_init());       // after the cgroup was made: a mount may show it
//   birth.describe_first_process();
//
// Single-threaded, before the fork. Nothing here has to be undone on failure.
#pragma once

#include <string>
#include <vector>

#include "platform/linux/cgroup.h"
#include "platform/linux/content.h"
#include "platform/linux/stage.h"
#include "platform/linux/trees.h"
#include "platform/platform.h"

namespace srt::platform {

struct Birth {
  explicit Birth(const Plan::Content& plan) : content(plan), init(plan.init) {}
  Birth(const Birth&) = delete;
  Birth& operator=(const Birth&) = delete;

  Result<void> make_sockets();
  // Whoever answers for the container: its terminal's owner, its seccomp agent or our broker, our monitor.
  Result<void> meet(Sidecars sidecars);
  Result<void> open_joined();
  Result<void> equip_bwrap();
  Result<void> equip_init();
  void describe_first_process();

  const Plan::Content& content;
  init::InitPlan<wire::Owned> init;
  StagePlan stage;

  // The runtime's ends, for it to take.
  UniqueFd init_channel, stage_socket, bwrap_errors;

  UniqueFd channel, start_gate, start_report, console, agent, monitor;  // srt-init's
  UniqueFd holder_of_init, holder_of_bwrap;  // by which they find each other
  UniqueFd stage_end, errors_end;
  UniqueFd holder_program, init_program, init_plan;
  EarlyTrees trees;
  CgroupEntry cgroup;
  std::vector<UniqueFd> joined;
  std::vector<StageJoin> joins;
  int joined_pid = -1;  // one of `joined`
  std::vector<int> bwrap_fds, init_fds;
  std::vector<std::string> bwrap_words, init_words;
  std::vector<char*> bwrap_argv, init_argv;
  std::string uid_map, gid_map, oom_score_adj;
};

}  // namespace srt::platform
