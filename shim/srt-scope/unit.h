// What is done with a scope unit of systemd (systemd.scope(5)).
#pragma once

#include <string>

#include "shim/srt-scope/bus.h"
#include "shim/srt-scope/job.h"
#include "shim/srt-scope/request.h"

namespace srt::scope {

// Makes it, delegated, with this process in it; its control group, as "/system.slice/x.scope". A unit of this name
// that is over makes room.
Answered<std::string> start_scope(Bus& bus, JobWatch& jobs, const Request& request,
                                  Deadline deadline);
// Moves processes into it, wherever they are: for an ordinary user, who could not write to the control group that
// is above both, systemd does.
Answered<void> attach_processes(Bus& bus, const Request& request, Deadline deadline);
// Until the next boot, as everything about a scope.
Answered<void> set_properties(Bus& bus, const Request& request, Deadline deadline);
// One that is not there is stopped.
Answered<void> stop_scope(Bus& bus, JobWatch& jobs, const std::string& unit, Deadline deadline);

}  // namespace srt::scope
