#include "shim/srt-scope/job.h"

#include <cstring>
#include <utility>

namespace srt::scope {
namespace {

std::string sender_of(sd_bus_message* message) {
  const char* sender = sd_bus_message_get_sender(message);
  return sender != nullptr ? sender : "";
}

}  // namespace

int JobWatch::note(sd_bus_message* signal, void* watch, sd_bus_error*) {
  auto& self = *static_cast<JobWatch*>(watch);
  uint32_t id = 0;
  const char *job = nullptr, *unit = nullptr, *result = nullptr;
  // Everybody on a bus may send us a signal that looks like this one.
  if (sender_of(signal) != self.systemd_) return 0;
  if (sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result) < 0) return 0;
  if (self.unit_ == unit) self.results_[job] = result;
  return 0;
}

Answered<void> JobWatch::begin(Bus& bus, const std::string& unit, Deadline deadline) {
  unit_ = unit;
  results_.clear();
  if (match_) return {};
  sd_bus_slot* made = nullptr;
  // Its answer need not be awaited: what follows goes the same way.
  int r = sd_bus_match_signal_async(bus.get(), &made, "org.freedesktop.systemd1",
                                    "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                    "JobRemoved", note, nullptr, this);
  if (r < 0) return srt::fail(fault_of(r, "watch jobs"));
  Slot match(made);
  // Without it systemd tells a bus nothing.
  SRT_ASSIGN(Message subscribe, bus.manager_method("Subscribe"));
  SRT_ASSIGN(Message reply, bus.call(subscribe, deadline));
  systemd_ = sender_of(reply.get());
  match_ = std::move(match);
  return {};
}

Answered<void> JobWatch::wait(Bus& bus, const std::string& job, Deadline deadline) {
  auto found = results_.end();
  while ((found = results_.find(job)) == results_.end()) SRT_TRY(bus.turn(deadline));
  if (found->second == "done") return {};
  return refuse("", "systemd's job for " + unit_ + " ended as \"" + found->second + "\"");
}

}  // namespace srt::scope
