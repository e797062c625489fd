// What systemd is asked to do with a unit it does later, as a job, and says when that has ended.
//
//   JobWatch jobs;
//   SRT_TRY(jobs.begin(bus, unit, deadline));     // before the job is made
//   …                                             // StopUnit's answer names the job
//   SRT_TRY(jobs.wait(bus, job, deadline));
#pragma once

#include <map>
#include <string>

#include "shim/srt-scope/bus.h"

namespace srt::scope {

class JobWatch {
 public:
  JobWatch() = default;
  JobWatch(const JobWatch&) = delete;  // libsystemd knows where it is
  JobWatch& operator=(const JobWatch&) = delete;

  Answered<void> begin(Bus& bus, const std::string& unit, Deadline deadline);
  // A job that did not end well is an error.
  Answered<void> wait(Bus& bus, const std::string& job, Deadline deadline);

 private:
  static int note(sd_bus_message* signal, void* watch, sd_bus_error* error);

  std::string unit_, systemd_;                  // whose jobs, and who tells of them
  std::map<std::string, std::string> results_;  // of jobs, by their path
  Slot match_;
};

}  // namespace srt::scope
