#include "shim/srt-runtime/usage_events.h"

#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "platform/fd.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::pair<std::string_view, double> kUnits[] = {
    {"ms", 1}, {"us", 1e-3}, {"µs", 1e-3}, {"ns", 1e-6}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}};
constexpr double kLongest = 24 * 3.6e6;

// Takes "5s" off the front; nothing: it does not begin so.
std::optional<double> take_part(std::string_view& text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  for (const auto& [unit, length] : kUnits) {
    if (!text.starts_with(unit)) continue;
    text.remove_prefix(unit.size());
    return number * length;
  }
  return {};
}

class Watch {
 public:
  Watch(const std::string& id, const platform::Handle& handle) : id_(id), handle_(handle) {}

  Result<void> open() {
    SRT_ASSIGN(init_, platform::open_init(handle_));
    // A container without the memory controller is counted all the same.
    if (Result<UniqueFd> memory = platform::watch_memory(handle_)) memory_ = std::move(*memory);
    killed_ = platform::oom_kills(handle_).value_or(0);
    return {};
  }

  // Up to `until`; false: the container has ended, or stdout has gone.
  Result<bool> wait(Clock::time_point until) {
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
      if (left <= 0) return print_kills();
      pollfd events[] = {{init_.get(), POLLIN, 0}, {memory_.get(), POLLIN, 0}};
      const int ready = poll(events, 2, static_cast<int>(left));
      if (ready < 0 && errno != EINTR) return fail_errno("events", "wait");
      if (ready <= 0) continue;
      if (events[0].revents != 0) return false;
      char drained[4096];
      while (read(memory_.get(), drained, sizeof drained) > 0) {
      }
      SRT_ASSIGN(const bool wanted, print_kills());
      if (!wanted) return false;
    }
  }

 private:
  Result<bool> print_kills() {
    const uint64_t now = platform::oom_kills(handle_).value_or(killed_);
    for (; killed_ < now; ++killed_) {
      SRT_ASSIGN(const int status, print(R"({"type":"oom","id":")" + id_ + "\"}\n"));
      if (status != 0) return false;
    }
    return true;
  }

  const std::string& id_;
  const platform::Handle& handle_;
  UniqueFd init_;
  UniqueFd memory_;
  uint64_t killed_ = 0;
};

}  // namespace

Result<milliseconds> parse_interval(const std::string& text) {
  double total = 0;
  bool good = true;
  for (std::string_view rest = text; good && !rest.empty();) {
    const std::optional<double> part = take_part(rest);
    total += part.value_or(0);
    good = part.has_value();
  }
  if (!good || !(total >= 1 && total <= kLongest)) {
    return fail("--interval",
                "must be a time from 1ms to 24h, as 500ms, 5s or 1m30s, got \"" + text + "\"");
  }
  return milliseconds(static_cast<milliseconds::rep>(total));
}

Result<bool> print_usage(const std::string& id, const platform::Handle& handle) {
  SRT_ASSIGN(const std::string data, platform::usage(handle));
  // An id needs no escaping: ContainerId.
  SRT_ASSIGN(const int status,
             print(R"({"type":"stats","id":")" + id + R"(","data":)" + data + "}\n"));
  return status == 0;
}

Result<void> follow_usage(const std::string& id, const platform::Handle& handle,
                          milliseconds interval) {
  Watch watch(id, handle);
  SRT_TRY(watch.open());
  for (Clock::time_point next = Clock::now() + interval;; next += interval) {
    SRT_ASSIGN(const bool alive, watch.wait(next));
    if (!alive) return {};
    SRT_ASSIGN(const bool wanted, print_usage(id, handle));
    if (!wanted) return {};
  }
}

}  // namespace srt::shim
