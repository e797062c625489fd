#include "runtime/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "oci/write.h"

namespace srt::runtime {
namespace {

const char* name(Log::Level level) {
  switch (level) {
    case Log::Level::kDebug: return "debug";
    case Log::Level::kInfo: return "info";
    case Log::Level::kWarning: return "warning";
    case Log::Level::kError: return "error";
  }
  return "error";
}

// As JSON, and as logrus quotes a text. Bytes that are no UTF-8 (a path) become U+FFFD.
std::string quoted(std::string_view text) {
  oci::JsonWriter writer(oci::Layout::kCompact);
  writer.value(text);
  return std::move(writer).take();
}

std::string record(Log::Format format, Log::Level level, std::string_view message) {
  switch (format) {
    case Log::Format::kJson:
      return "{\"level\":\"" + std::string(name(level)) + "\",\"msg\":" + quoted(message) +
             ",\"time\":\"" + timestamp() + "\"}\n";
    case Log::Format::kText:
      return "time=\"" + timestamp() + "\" level=" + name(level) + " msg=" + quoted(message) + "\n";
  }
  return {};
}

}  // namespace

Result<Log> Log::open(const std::string& path, Format format, bool debug) {
  Log log;
  log.file_.reset(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644));
  if (!log.file_) return fail_errno("--log " + path, "open");
  log.format_ = format;
  log.debug_ = debug;
  return log;
}

void Log::write(Level level, std::string_view message) const {
  if (level == Level::kDebug && !debug_) return;
  std::string line =
      file_ ? record(format_, level, message)
            : program_ + ": " + prefix_ + name(level) + ": " + std::string(message) + "\n";
  // One write: with O_APPEND the lines of several writers do not mix.
  if (::write(file_ ? file_.get() : STDERR_FILENO, line.data(), line.size()) < 0) return;
}

// By the calendar of <chrono>: gmtime_r() would read /etc/localtime.
std::string timestamp(const timespec& time) {
  using namespace std::chrono;
  const sys_seconds now{seconds(time.tv_sec)};
  const sys_days day = floor<days>(now);
  const year_month_day date(day);
  const hh_mm_ss clock(now - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%09ldZ", int{date.year()},
                unsigned{date.month()}, unsigned{date.day()},
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), time.tv_nsec);
  return text;
}

std::string timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return timestamp(now);
}

}  // namespace srt::runtime
