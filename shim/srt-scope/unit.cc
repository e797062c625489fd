#include "shim/srt-scope/unit.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace srt::scope {
namespace {

constexpr const char* kUnitExists = "org.freedesktop.systemd1.UnitExists";
constexpr const char* kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

// libsystemd's errors are below zero, and sticky in what is done to one message: the first counts.
class Filling {
 public:
  explicit Filling(const Message& message) : message_(message.get()) {}

  template <class... Values>
  Filling& add(const char* types, Values... values) {
    return then(sd_bus_message_append(message_, types, values...));
  }
  Filling& open(char type, const char* contents) {
    return then(sd_bus_message_open_container(message_, type, contents));
  }
  Filling& close() { return then(sd_bus_message_close_container(message_)); }
  Filling& bytes(const std::vector<uint8_t>& bytes) {
    return then(sd_bus_message_append_array(message_, 'y', bytes.data(), bytes.size()));
  }
  Filling& words(const std::vector<uint32_t>& words) {
    return then(
        sd_bus_message_append_array(message_, 'u', words.data(), words.size() * sizeof(uint32_t)));
  }
  Answered<void> done() const {
    if (error_ < 0) return srt::fail(fault_of(error_, "write a message"));
    return {};
  }

 private:
  Filling& then(int result) {
    if (error_ == 0 && result < 0) error_ = result;
    return *this;
  }
  sd_bus_message* message_;
  int error_ = 0;
};

template <class T>
constexpr const char* kSignature = "";
template <>
constexpr const char* kSignature<bool> = "b";
template <>
constexpr const char* kSignature<int32_t> = "i";
template <>
constexpr const char* kSignature<uint32_t> = "u";
template <>
constexpr const char* kSignature<int64_t> = "x";
template <>
constexpr const char* kSignature<uint64_t> = "t";

void add_value(Filling& to, const std::string& text) { to.add("v", "s", text.c_str()); }
void add_value(Filling& to, const std::vector<uint8_t>& bytes) {
  to.open('v', "ay").bytes(bytes).close();
}
template <class T>
requires std::is_arithmetic_v<T>
void add_value(Filling& to, T number) { to.add("v", kSignature<T>, number); }

void add_properties(Filling& to, const Request& request) {
  if (!request.properties) return;
  for (const Property& property : *request.properties) {
    to.open('r', "sv").add("s", property.name.c_str());
    std::visit([&](const auto& value) { add_value(to, value); }, property.value);
    to.close();
  }
}

Answered<Message> manager_call(Bus& bus, const char* member, const std::string& unit,
                               const char* mode, Deadline deadline) {
  SRT_ASSIGN(Message message, bus.manager_method(member));
  Filling filling(message);
  filling.add("s", unit.c_str());
  if (mode != nullptr) filling.add("s", mode);
  SRT_TRY(filling.done());
  return bus.call(message, deadline);
}

void reset_failed(Bus& bus, const std::string& unit, Deadline deadline) {
  (void)manager_call(bus, "ResetFailedUnit", unit, nullptr, deadline);
}

Answered<std::string> read_text(const Message& message, const char* type) {
  const char* text = nullptr;
  if (int r = sd_bus_message_read(message.get(), type, &text); r < 0) {
    return srt::fail(fault_of(r, "read systemd's answer"));
  }
  return std::string(text);
}

Answered<std::string> property_of(Bus& bus, const std::string& unit, const char* interface,
                                  const char* name, Deadline deadline) {
  char* encoded = nullptr;
  int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &encoded);
  if (r < 0) return srt::fail(fault_of(r, unit));
  const std::unique_ptr<char, decltype(&std::free)> path(encoded, std::free);
  sd_bus_message* made = nullptr;
  r = sd_bus_message_new_method_call(bus.get(), &made, "org.freedesktop.systemd1", encoded,
                                     "org.freedesktop.DBus.Properties", "Get");
  if (r < 0) return srt::fail(fault_of(r, name));
  Message message(made);
  SRT_TRY(Filling(message).add("ss", interface, name).done());
  SRT_ASSIGN(Message reply, bus.call(message, deadline));
  r = sd_bus_message_enter_container(reply.get(), 'v', "s");
  if (r < 0) return srt::fail(fault_of(r, name));
  return read_text(reply, "s");
}

Answered<Message> start_transient(Bus& bus, const Request& request, Deadline deadline) {
  SRT_ASSIGN(Message message, bus.manager_method("StartTransientUnit"));
  Filling filling(message);
  filling.add("ss", request.unit.c_str(), "replace").open('a', "(sv)");
  // systemd wants somebody in it, and removes one that has become empty: us, until the container's first process is in.
  filling.add("(sv)", "PIDs", "au", 1, static_cast<uint32_t>(getpid()));
  filling.add("(sv)", "Slice", "s", request.slice.value_or("").c_str());
  filling.add("(sv)", "Description", "s", request.description.value_or(request.unit).c_str());
  filling.add("(sv)", "Delegate", "b", 1);
  // A shutdown would else wait for the container, and stop it before what it needs, in no order that we know.
  filling.add("(sv)", "DefaultDependencies", "b", 0);
  // One that failed would else hold its name.
  filling.add("(sv)", "CollectMode", "s", "inactive-or-failed");
  add_properties(filling, request);
  filling.close().add("a(sa(sv))", 0);
  SRT_TRY(filling.done());
  return bus.call(message, deadline);
}

// By the kernel, not by what we remember: the runtime may have moved us on.
bool is_in(const std::string& unit) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::") && (line + "/").find("/" + unit + "/") != std::string::npos) {
      return true;
    }
  }
  return false;
}

// systemd hears of the last process's end in its own time, and never of a control group that somebody else removed.
Answered<bool> is_deserted(Bus& bus, const std::string& unit, Deadline deadline) {
  SRT_ASSIGN(Message reply, manager_call(bus, "GetUnitProcesses", unit, nullptr, deadline));
  if (int r = sd_bus_message_enter_container(reply.get(), 'a', "(sus)"); r < 0) {
    return srt::fail(fault_of(r, "read systemd's answer"));
  }
  return sd_bus_message_at_end(reply.get(), 0) > 0;
}

// A unit that is over, or on its way there, gives up its name.
Answered<void> make_room(Bus& bus, JobWatch& jobs, const std::string& unit, const Fault& exists,
                         Deadline deadline) {
  reset_failed(bus, unit, deadline);
  SRT_ASSIGN(std::string state,
             property_of(bus, unit, "org.freedesktop.systemd1.Unit", "ActiveState", deadline));
  if (state == "inactive" || state == "failed") return {};
  SRT_ASSIGN(const bool deserted, is_deserted(bus, unit, deadline));
  if (deserted || state == "deactivating") return stop_scope(bus, jobs, unit, deadline);
  return refuse(exists.code, exists.text + " (it is " + state + ")");
}

Answered<std::string> start_and_wait(Bus& bus, JobWatch& jobs, const Request& request,
                                     Deadline deadline) {
  Answered<Message> reply = start_transient(bus, request, deadline);
  if (!reply && reply.error().code == kUnitExists) {
    SRT_TRY(make_room(bus, jobs, request.unit, reply.error(), deadline));
    reply = start_transient(bus, request, deadline);
  }
  if (!reply) return srt::fail(std::move(reply).error());
  SRT_ASSIGN(std::string job, read_text(*reply, "o"));
  SRT_TRY(jobs.wait(bus, job, deadline));
  return property_of(bus, request.unit, "org.freedesktop.systemd1.Scope", "ControlGroup", deadline);
}

}  // namespace

Answered<std::string> start_scope(Bus& bus, JobWatch& jobs, const Request& request,
                                  Deadline deadline) {
  SRT_TRY(jobs.begin(bus, request.unit, deadline));
  // A scope whose process ends before systemd has put it there never becomes empty, and stays.
  bus.must_finish(true);
  Answered<std::string> cgroup = start_and_wait(bus, jobs, request, deadline);
  bus.must_finish(false);
  return cgroup;
}

Answered<void> attach_processes(Bus& bus, const Request& request, Deadline deadline) {
  SRT_ASSIGN(Message message, bus.manager_method("AttachProcessesToUnit"));
  SRT_TRY(Filling(message).add("ss", request.unit.c_str(), "").words(*request.pids).done());
  SRT_TRY(bus.call(message, deadline));
  return {};
}

Answered<void> set_properties(Bus& bus, const Request& request, Deadline deadline) {
  SRT_ASSIGN(Message message, bus.manager_method("SetUnitProperties"));
  Filling filling(message);
  filling.add("sb", request.unit.c_str(), 1).open('a', "(sv)");
  add_properties(filling, request);
  SRT_TRY(filling.close().done());
  SRT_TRY(bus.call(message, deadline));
  return {};
}

Answered<void> stop_scope(Bus& bus, JobWatch& jobs, const std::string& unit, Deadline deadline) {
  // systemd would end us, too, before we could answer.
  if (is_in(unit)) return refuse(SD_BUS_ERROR_FAILED, unit + ": srt-scope is in it");
  SRT_TRY(jobs.begin(bus, unit, deadline));
  Answered<Message> reply = manager_call(bus, "StopUnit", unit, "replace", deadline);
  if (!reply && reply.error().code == kNoSuchUnit) return {};
  if (!reply) return srt::fail(std::move(reply).error());
  SRT_ASSIGN(std::string job, read_text(*reply, "o"));
  SRT_TRY(jobs.wait(bus, job, deadline));
  reset_failed(bus, unit, deadline);
  return {};
}

}  // namespace srt::scope
