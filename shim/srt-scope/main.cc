// srt-scope: asks systemd for a container's scope unit (--systemd-cgroup), and changes and ends it.
//
// Started by srt-runtime, as srt-monitor is, for as long as one of its verbs lasts; what it is asked for is in
// request.h. A program of its own because libsystemd is a library of the distribution, and the runtime is linked
// statically. It reads nothing of a container but what the runtime has judged, and systemd's answers.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/diagnostics.h"
#include "oci/write.h"
#include "shim/srt-scope/bus.h"
#include "shim/srt-scope/job.h"
#include "shim/srt-scope/request.h"
#include "shim/srt-scope/unit.h"

namespace srt::scope {
namespace {

// Kept from one request to the next: libsystemd's handshakes take longer than the rest.
class Conversation {
 public:
  Answered<std::string> answer(const Request& request);

 private:
  Answered<std::string> act(const Request& request, Deadline deadline);

  std::optional<Bus> bus_;
  std::optional<JobWatch> jobs_;
  std::vector<std::string> addresses_;
};

Answered<std::string> Conversation::act(const Request& request, Deadline deadline) {
  switch (request.act) {
    case Act::kStart: return start_scope(*bus_, *jobs_, request, deadline);
    case Act::kAttach: SRT_TRY(attach_processes(*bus_, request, deadline)); return "";
    case Act::kSet: SRT_TRY(set_properties(*bus_, request, deadline)); return "";
    case Act::kStop: SRT_TRY(stop_scope(*bus_, *jobs_, request.unit, deadline)); return "";
  }
  return "";
}

Answered<std::string> Conversation::answer(const Request& request) {
  const std::chrono::seconds patience =
      request.patience ? std::chrono::seconds(*request.patience) : kLongestPatience;
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  if (!bus_ || addresses_ != request.buses) {
    jobs_.reset();
    bus_.reset();
    SRT_ASSIGN(bus_, Bus::connect(request.buses, deadline));
    jobs_.emplace();
    addresses_ = request.buses;
  }
  Answered<std::string> answer = act(request, deadline);
  // A connection that broke, or whose answers may be those to what was asked before, is no use any more.
  if (!answer && sd_bus_is_open(bus_->get()) <= 0) addresses_.clear();
  return answer;
}

std::string refusal(const std::string& code, std::string_view text) {
  constexpr size_t kLongest = 1000;
  oci::JsonWriter writer(oci::Layout::kCompact);
  writer.begin_object();
  writer.key("error");
  writer.value(oci::printable(text, kLongest));
  writer.key("code");
  writer.value(code);
  writer.end_object();
  return std::move(writer).take();
}

std::string to_json(const std::string& cgroup) {
  oci::JsonWriter writer(oci::Layout::kCompact);
  writer.begin_object();
  if (!cgroup.empty()) {
    writer.key("cgroup");
    writer.value(cgroup);
  }
  writer.end_object();
  return std::move(writer).take();
}

std::string answer(Conversation& conversation, std::string_view packet, size_t size) {
  if (size > packet.size()) return refusal(SD_BUS_ERROR_LIMITS_EXCEEDED, "request: is too large");
  Result<Request> request = parse_request(packet);
  if (!request) return refusal(SD_BUS_ERROR_INVALID_ARGS, to_string(request.error()));
  Answered<std::string> cgroup = conversation.answer(*request);
  if (!cgroup) return refusal(cgroup.error().code, cgroup.error().text);
  return to_json(*cgroup);
}

// Until the runtime closes its end.
int serve() {
  std::string buffer(kLargestPacket, '\0');
  Conversation conversation;
  for (;;) {
    const ssize_t size = recv(kRequests, buffer.data(), buffer.size(), MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return 0;  // an answer that was not read makes ECONNRESET of the end
    const auto whole = static_cast<size_t>(size);
    const std::string said = answer(conversation, std::string_view(buffer).substr(0, whole), whole);
    if (send(kRequests, said.data(), said.size(), MSG_NOSIGNAL) < 0) return 0;
  }
}

}  // namespace
}  // namespace srt::scope

int main() {
  (void)fcntl(srt::scope::kRequests, F_SETFD, FD_CLOEXEC);
  return srt::scope::serve();
}
