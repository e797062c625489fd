#include "platform/linux/broker/violation_log.h"

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include "oci/write.h"

namespace srt::platform {
namespace {

// A pipe takes lines up to PIPE_BUF whole.
constexpr size_t kLongestLine = 4096;

std::string timestamp(int64_t time_us) {
  const time_t seconds = time_us / 1'000'000;
  tm utc{};
  gmtime_r(&seconds, &utc);
  char date[32], text[48];
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text, sizeof text, "%s.%06dZ", date, static_cast<int>(time_us % 1'000'000));
  return text;
}

}  // namespace

std::string to_json_line(const Violation& violation, int64_t time_us) {
  auto line = [&](size_t path_size) {
    oci::JsonWriter writer(oci::Layout::kCompact);
    writer.begin_object();
    auto member = [&](const char* name, std::string_view text) {
      writer.key(name);
      writer.value(text);
    };
    member("time", timestamp(time_us));
    member("operation", violation.operation);
    member("path", std::string_view(violation.path).substr(0, path_size));
    if (!violation.to.empty()) {
      member("to", std::string_view(violation.to).substr(0, path_size));
    }
    member("rule", violation.rule);
    writer.key("pid");
    writer.value(int64_t{violation.pid});
    member("comm", violation.comm);
    writer.end_object();
    return std::move(writer).take() + "\n";
  };
  std::string text = line(std::string::npos);
  for (size_t size = 1024; text.size() > kLongestLine && size > 0; size /= 2) text = line(size);
  return text;
}

void ViolationLog::write(const Violation& violation) {
  if (!to_ || written_ >= kMost) return;
  pollfd ready{to_.get(), POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return;
  using std::chrono::duration_cast, std::chrono::microseconds, std::chrono::system_clock;
  const int64_t now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  std::string line = to_json_line(violation, now);
  const size_t before = written_.fetch_add(line.size());
  if (before >= kMost) return;
  if (before + line.size() >= kMost) {
    line = to_json_line(
        {violation.operation, "", "more was refused than is written down", 0, {}, {}}, now);
  }
  (void)!::write(to_.get(), line.data(), line.size());
}

}  // namespace srt::platform
