#include "runtime/signal_name.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <csignal>
#include <optional>
#include <string>

namespace srt::runtime {
namespace {

struct Name {
  std::string_view name;
  int number;
};

// signal(7), "Standard signals", then the synonyms.
constexpr Name kNames[] = {
    {"ABRT", SIGABRT},     {"ALRM", SIGALRM},     {"BUS", SIGBUS},     {"CHLD", SIGCHLD},
    {"CONT", SIGCONT},     {"FPE", SIGFPE},       {"HUP", SIGHUP},     {"ILL", SIGILL},
    {"INT", SIGINT},       {"IO", SIGIO},         {"KILL", SIGKILL},   {"PIPE", SIGPIPE},
    {"PROF", SIGPROF},     {"QUIT", SIGQUIT},     {"SEGV", SIGSEGV},   {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP},     {"SYS", SIGSYS},       {"TERM", SIGTERM},   {"TRAP", SIGTRAP},
    {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},     {"URG", SIGURG},     {"USR1", SIGUSR1},
    {"USR2", SIGUSR2},     {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ},     {"IOT", SIGABRT},
#ifdef SIGPOLL
    {"POLL", SIGPOLL},
#endif
#ifdef SIGPWR
    {"PWR", SIGPWR},
#endif
#ifdef SIGSTKFLT
    {"STKFLT", SIGSTKFLT},
#endif
#ifdef SIGCLD
    {"CLD", SIGCLD},
#endif
};

std::optional<int> number(std::string_view text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

#ifdef SIGRTMIN
// "RTMIN", "RTMIN+3", "RTMAX-1"
std::optional<int> real_time(std::string_view name) {
  const bool from_min = name.starts_with("RTMIN");
  if (!from_min && !name.starts_with("RTMAX")) return {};
  std::string_view rest = name.substr(5);
  if (rest.empty()) return from_min ? SIGRTMIN : SIGRTMAX;
  if (rest[0] != (from_min ? '+' : '-')) return {};
  std::optional<int> distance = number(rest.substr(1));
  if (!distance || *distance < 0 || *distance > SIGRTMAX - SIGRTMIN) return {};
  return from_min ? SIGRTMIN + *distance : SIGRTMAX - *distance;
}
constexpr int kHighest = 64;
#else
std::optional<int> real_time(std::string_view) { return {}; }
constexpr int kHighest = 31;
#endif

}  // namespace

Result<int> parse_signal(std::string_view text) {
  // 0 asks whether there is somebody to be told (kill(2)).
  if (std::optional<int> plain = number(text); plain && *plain >= 0 && *plain <= kHighest) {
    return *plain;
  }
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (const Name& known : kNames) {
    if (known.name == name) return known.number;
  }
  if (std::optional<int> signal = real_time(name)) return *signal;
  return fail("signal \"" + std::string(text) + "\"", "is unknown",
              "a number up to " + std::to_string(kHighest) + ", or a name like TERM or KILL");
}

}  // namespace srt::runtime
