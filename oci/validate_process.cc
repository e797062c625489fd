// Rules of config.md, "Process".
#include <algorithm>
#include <map>
#include <string_view>

#include "oci/names.h"
#include "oci/rules.h"
#include "oci/validate.h"

namespace srt::oci {
namespace {

void check_rlimits(const Path& path, const List<Rlimit>& rlimits, Diagnostics& diagnostics) {
  std::map<std::string_view, size_t> seen;
  for (size_t i = 0; i < items(rlimits).size() && !diagnostics.full(); ++i) {
    const Rlimit& rlimit = items(rlimits)[i];
    const Path at = path / i;
    if (std::find(kRlimitNames.begin(), kRlimitNames.end(), rlimit.type) == kRlimitNames.end()) {
      diagnostics.add_new(at / "type",
                          not_one_of(rlimit.type, kRlimitNames.data(), kRlimitNames.size()));
    } else if (auto [first, fresh] = seen.emplace(rlimit.type, i); !fresh) {
      // config.md: "If rlimits contains duplicated entries with same type, the runtime MUST
      // generate an error."
      diagnostics.add_new(at / "type", in_quotes(rlimit.type) + " is there twice, first at " +
                                           (path / first->second).pointer());
    }
    if (rlimit.soft > rlimit.hard && diagnostics.clean(at / "hard")) {
      diagnostics.add_new(at / "soft", "must be at most the hard limit, " +
                                           std::to_string(rlimit.hard) + ", got " +
                                           std::to_string(rlimit.soft));
    }
  }
}

bool is_real_time(SchedulerPolicy policy) {
  return policy == SchedulerPolicy::kFifo || policy == SchedulerPolicy::kRr;
}

// sched(7): runtime <= deadline <= period, where an absent period is the deadline.
void check_deadline(const Path& path, const Scheduler& scheduler, Diagnostics& diagnostics) {
  const uint64_t runtime = scheduler.runtime.value_or(0);
  const uint64_t deadline = scheduler.deadline.value_or(0);
  const uint64_t period = scheduler.period.value_or(0);
  if (runtime == 0) diagnostics.add_new(path / "runtime", "is required with SCHED_DEADLINE");
  if (runtime > deadline && diagnostics.clean(path / "runtime")) {
    diagnostics.add_new(path / "deadline", "must be at least the runtime, " +
                                               std::to_string(runtime) + ", got " +
                                               std::to_string(deadline));
  }
  if (period != 0 && deadline > period && diagnostics.clean(path / "deadline")) {
    diagnostics.add_new(path / "period", "must be at least the deadline, " +
                                             std::to_string(deadline) + ", got " +
                                             std::to_string(period));
  }
}

void check_only_with_deadline(const Path& path, const std::optional<uint64_t>& value,
                              Diagnostics& diagnostics) {
  if (value.value_or(0) != 0) {
    diagnostics.add_new(path, "has a meaning with SCHED_DEADLINE only");
  }
}

void check_scheduler(const Path& path, const Scheduler& scheduler, Diagnostics& diagnostics) {
  if (!diagnostics.clean(path / "policy")) return;  // the rules depend on it
  check_between(path / "nice", scheduler.nice, -20, 19, diagnostics);
  if (is_real_time(scheduler.policy)) {
    check_between(path / "priority", scheduler.priority.value_or(0), 1, 99, diagnostics);
  } else if (scheduler.priority.value_or(0) != 0) {
    diagnostics.add_new(path / "priority", "has a meaning with SCHED_FIFO and SCHED_RR only, got " +
                                               std::to_string(*scheduler.priority));
  }
  if (scheduler.policy == SchedulerPolicy::kDeadline) {
    check_deadline(path, scheduler, diagnostics);
  } else {
    check_only_with_deadline(path / "runtime", scheduler.runtime, diagnostics);
    check_only_with_deadline(path / "deadline", scheduler.deadline, diagnostics);
    check_only_with_deadline(path / "period", scheduler.period, diagnostics);
  }
}

}  // namespace

void check_process(const Path& path, const Process& process, Diagnostics& diagnostics) {
  check_absolute(path / "cwd", process.cwd, diagnostics);
  if (items(process.args).empty()) {
    diagnostics.add_new(path / "args", "must name the program to run, got none");
  }
  if (process.console_size) {
    constexpr uint64_t kMaxCells = 65535;  // struct winsize
    const Path size = path / "consoleSize";
    check_at_most(size / "height", process.console_size->height, kMaxCells, diagnostics);
    check_at_most(size / "width", process.console_size->width, kMaxCells, diagnostics);
  }
  if (process.user) {
    const Path user = path / "user";
    check_id(user / "uid", process.user->uid, diagnostics);
    check_id(user / "gid", process.user->gid, diagnostics);
    const Path gids = user / "additionalGids";
    for (size_t i = 0; i < items(process.user->additional_gids).size() && !diagnostics.full();
         ++i) {
      check_id(gids / i, items(process.user->additional_gids)[i], diagnostics);
    }
    check_at_most(user / "umask", process.user->umask, 0777, diagnostics);
  }
  check_rlimits(path / "rlimits", process.rlimits, diagnostics);
  check_between(path / "oomScoreAdj", process.oom_score_adj, -1000, 1000, diagnostics);
  if (process.scheduler) check_scheduler(path / "scheduler", *process.scheduler, diagnostics);
  if (process.io_priority) {
    const Path priority = path / "ioPriority";
    check_between(priority / "priority", process.io_priority->priority, 0, 7, diagnostics);
  }
  if (process.exec_cpu_affinity) {
    const Path affinity = path / "execCPUAffinity";
    check_cpu_list(affinity / "initial", process.exec_cpu_affinity->initial, diagnostics);
    check_cpu_list(affinity / "final", process.exec_cpu_affinity->final, diagnostics);
  }
}

}  // namespace srt::oci
