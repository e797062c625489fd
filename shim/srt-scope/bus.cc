#include "shim/srt-scope/bus.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>

namespace srt::scope {
namespace {

using std::chrono::microseconds;

constexpr const char* kManager = "/org/freedesktop/systemd1";
constexpr const char* kManagerInterface = "org.freedesktop.systemd1.Manager";
constexpr const char* kSystemd = "org.freedesktop.systemd1";

// Nobody hands out names there: systemd, at the other end, would wait for what Hello would not be.
bool is_of_systemd(std::string_view address) { return address.ends_with("/systemd/private"); }

// As systemctl does: whoever else sits there could name any control group as the scope's.
Answered<void> check_peer(sd_bus* bus) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(sd_bus_get_fd(bus), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return refuse(SD_BUS_ERROR_FAILED, "cannot see who answers");
  }
  if (peer.uid == 0 || peer.uid == geteuid()) return {};
  return refuse(SD_BUS_ERROR_ACCESS_DENIED, "another user answers");
}

// libsystemd says when it wants to be called again: on the same clock, in microseconds.
microseconds until_timer(sd_bus* bus) {
  uint64_t at = UINT64_MAX;
  if (sd_bus_get_timeout(bus, &at) <= 0 || at == UINT64_MAX) return microseconds::max();
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto passed =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
  return microseconds(at > passed ? at - passed : 0);
}

}  // namespace

Fault fault_of(int error, const std::string& what) {
  sd_bus_error named{};
  sd_bus_error_set_errno(&named, error);
  Fault fault{named.name != nullptr ? named.name : SD_BUS_ERROR_FAILED,
              what + ": " + (named.message != nullptr ? named.message : "failed")};
  sd_bus_error_free(&named);
  return fault;
}

Answered<Bus> Bus::connect(const std::vector<std::string>& addresses, Deadline deadline) {
  std::string tried;
  std::string code = SD_BUS_ERROR_NO_SERVER;
  for (const std::string& address : addresses) {
    Answered<Bus> bus = open(address, deadline);
    if (bus) return bus;
    tried += (tried.empty() ? "" : "; ") + address + ": " + bus.error().text;
    code = bus.error().code;
  }
  return refuse(code == SD_BUS_ERROR_TIMEOUT ? code : SD_BUS_ERROR_NO_SERVER,
                "systemd cannot be reached: " + tried);
}

// The handshake names no user id, so that the kernel tells: in a user namespace ours is another one than systemd's.
Answered<Bus> Bus::open(const std::string& address, Deadline deadline) {
  sd_bus* made = nullptr;
  if (int r = sd_bus_new(&made); r < 0) return refuse(SD_BUS_ERROR_NO_MEMORY, "no memory");
  Bus bus;
  bus.bus_.reset(made);
  int r = sd_bus_set_address(made, address.c_str());
  if (r >= 0 && !is_of_systemd(address)) r = sd_bus_set_bus_client(made, 1);
  if (r >= 0) r = sd_bus_start(made);
  if (r < 0) return srt::fail(fault_of(r, "connect"));
  while ((r = sd_bus_is_ready(made)) == 0) SRT_TRY(bus.turn(deadline));
  if (r < 0) return srt::fail(fault_of(r, "connect"));
  if (is_of_systemd(address)) SRT_TRY(check_peer(made));
  return bus;
}

Answered<Message> Bus::manager_method(const char* member) const {
  sd_bus_message* message = nullptr;
  int r = sd_bus_message_new_method_call(get(), &message, kSystemd, kManager, kManagerInterface,
                                         member);
  if (r < 0) return srt::fail(fault_of(r, member));
  return Message(message);
}

Answered<Message> Bus::call(const Message& message, Deadline deadline) {
  Message reply;
  auto keep = [](sd_bus_message* came, void* to, sd_bus_error*) {
    static_cast<Message*>(to)->reset(sd_bus_message_ref(came));
    return 1;
  };
  sd_bus_slot* made = nullptr;
  int r = sd_bus_call_async(get(), &made, message.get(), keep, &reply, UINT64_MAX);
  if (r < 0) return srt::fail(fault_of(r, "send"));
  Slot slot(made);  // lets go of `reply`
  while (!reply) SRT_TRY(turn(deadline));
  if (const sd_bus_error* error = sd_bus_message_get_error(reply.get())) {
    return refuse(error->name, error->message != nullptr ? error->message : error->name);
  }
  return reply;
}

Answered<void> Bus::turn(Deadline deadline) {
  int r = sd_bus_process(get(), nullptr);
  if (r < 0) return srt::fail(fault_of(r, "the connection to systemd"));
  if (r > 0) return {};
  const auto left =
      std::chrono::duration_cast<microseconds>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) return refuse(SD_BUS_ERROR_TIMEOUT, "systemd did not answer in time");
  const int fd = sd_bus_get_fd(get()), events = sd_bus_get_events(get());
  if (fd < 0) return srt::fail(fault_of(fd, "the connection to systemd"));
  if (events < 0) return srt::fail(fault_of(events, "the connection to systemd"));
  const microseconds wait = std::min(left, until_timer(get()));
  const timespec patience{wait.count() / 1'000'000, wait.count() % 1'000'000 * 1000};
  pollfd awaited[] = {{fd, static_cast<short>(events), 0},
                      {must_finish_ ? -1 : kRequests, POLLRDHUP, 0}};
  if (ppoll(awaited, 2, &patience, nullptr) < 0 && errno != EINTR) {
    return srt::fail(fault_of(-errno, "poll"));
  }
  if (awaited[1].revents != 0) _exit(0);
  return {};
}

}  // namespace srt::scope
