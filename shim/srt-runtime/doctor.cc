// srt-runtime doctor: what this host has of what containers need.
#include <unistd.h>

#include "platform/platform.h"
#include "shim/srt-runtime/report.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

using Level = platform::HostCheck::Level;

struct Mark {
  const char* word;
  const char* color;
};

Mark mark(Level level) {
  switch (level) {
    case Level::kOk: return {"ok     ", "\033[32m"};
    case Level::kWarning: return {"warning", "\033[33m"};
    case Level::kFailure: return {"missing", "\033[31m"};
  }
  return {"", ""};
}

std::string line(const platform::HostCheck& check, bool colors) {
  Mark m = mark(check.level);
  std::string text = colors ? m.color + std::string(m.word) + "\033[0m" : m.word;
  text += "  " + one_line(check.what) + ": " + one_line(check.found) + "\n";
  if (check.level != Level::kOk && !check.mend.empty()) {
    text += "         mend: " + one_line(check.mend) + "\n";
  }
  return text;
}

Result<int> run(const Invocation&) {
  const bool colors = isatty(STDOUT_FILENO) == 1;
  std::string text;
  size_t failures = 0, warnings = 0;
  bool usable = true;
  for (const platform::HostCheck& check : platform::check_host()) {
    text += line(check, colors);
    failures += check.level == Level::kFailure;
    warnings += check.level == Level::kWarning;
    if (check.required && check.level == Level::kFailure) usable = false;
  }
  text += usable ? "rootless containers can run here" : "rootless containers cannot run here";
  text += ": " + std::to_string(failures) + " missing, " + std::to_string(warnings) + " warnings\n";
  SRT_TRY(print(text));
  return usable ? 0 : 1;
}

}  // namespace

const Verb kDoctor{
    "doctor", "", "tell what this host lacks, and how to mend it", "  srt-runtime doctor\n", {}, 0,
    0,        run};

}  // namespace srt::shim
