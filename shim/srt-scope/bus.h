// A connection to systemd: to its own socket, or through a message bus.
//
//   SRT_ASSIGN(Bus bus, Bus::connect(request.buses, deadline));
//   SRT_ASSIGN(Message reply, bus.call(std::move(message), deadline));
//
// Whatever waits here waits until its deadline at most, and for srt-runtime only: once its end of the socket is
// closed, the program ends, unless it has begun what must be finished.
#pragma once

#include <systemd/sd-bus.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "oci/error.h"

namespace srt::scope {

inline constexpr int kRequests = 3;  // the socket to srt-runtime

struct Fault {
  std::string code;  // D-Bus's name of the error, as org.freedesktop.systemd1.UnitExists
  std::string text;
};
template <class T>
using Answered = tl::expected<T, Fault>;
inline tl::unexpected<Fault> refuse(std::string code, std::string text) {
  return tl::unexpected<Fault>({std::move(code), std::move(text)});
}
Fault fault_of(int error, const std::string& what);  // of what libsystemd returned, below zero

using Deadline = std::chrono::steady_clock::time_point;

template <class T, T* (*Unref)(T*)>
struct Unreferenced {
  void operator()(T* object) const { Unref(object); }
};
template <class T, T* (*Unref)(T*)>
using Reference = std::unique_ptr<T, Unreferenced<T, Unref>>;
using Message = Reference<sd_bus_message, sd_bus_message_unref>;
using Slot = Reference<sd_bus_slot, sd_bus_slot_unref>;

class Bus {
 public:
  // The first of the addresses that answers.
  static Answered<Bus> connect(const std::vector<std::string>& addresses, Deadline deadline);

  // Of systemd's manager, to be filled in.
  Answered<Message> manager_method(const char* member) const;
  // An error that systemd answers is one here.
  Answered<Message> call(const Message& message, Deadline deadline);
  // One step of the conversation: what has come is handed to who asked for it, or awaited.
  Answered<void> turn(Deadline deadline);

  void must_finish(bool must) { must_finish_ = must; }

  sd_bus* get() const { return bus_.get(); }

 private:
  static Answered<Bus> open(const std::string& address, Deadline deadline);

  Reference<sd_bus, sd_bus_close_unref> bus_;
  bool must_finish_ = false;
};

}  // namespace srt::scope

namespace srt {
// Lets SRT_TRY and SRT_ASSIGN carry a Fault.
inline tl::unexpected<scope::Fault> fail(scope::Fault fault) {
  return tl::unexpected<scope::Fault>(std::move(fault));
}
}  // namespace srt
