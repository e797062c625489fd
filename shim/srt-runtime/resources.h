// What `update` is told of control groups: a file, or an option for each limit, under runc's names.
#pragma once

#include <optional>

#include "oci/error.h"
#include "oci/spec.h"
#include "shim/options.h"

namespace srt::shim {

// An array initialiser.
#define SRT_RESOURCE_OPTIONS                                                                    \
  {"r,resources", "FILE", "the limits as JSON, as config.json's linux.resources; -: stdin"},    \
      {"memory", "BYTES", "memory limit; K, M or G may follow the number, -1 is none"},         \
      {"memory-reservation", "BYTES", "memory that is left when others run short"},             \
      {"memory-swap", "BYTES", "memory and swap together"},                                     \
      {"cpu-share", "N", "weight among other containers, 2 to 262144"},                         \
      {"cpu-quota", "MICROSECONDS", "processor time in each period"},                           \
      {"cpu-period", "MICROSECONDS", "that period"},                                            \
      {"cpu-burst", "MICROSECONDS", "time that may be saved up for later periods"},             \
      {"cpu-rt-period", "MICROSECONDS", "period of realtime scheduling, v1 only"},              \
      {"cpu-rt-runtime", "MICROSECONDS", "realtime in each such period, v1 only"},              \
      {"cpu-idle", "0|1", "run when nobody else wants to"},                                     \
      {"cpuset-cpus", "LIST", "processors, as 0-3,7"}, {"cpuset-mems", "LIST", "memory nodes"}, \
      {"pids-limit", "N", "processes and threads; -1 is no limit"}, {                           \
    "blkio-weight", "N", "weight of disk access, 10 to 1000"                                    \
  }

// Empty: nothing of that kind is given.
Result<std::optional<oci::Resources>> given_resources(const Arguments& arguments);

}  // namespace srt::shim
