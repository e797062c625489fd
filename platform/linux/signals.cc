#include "platform/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace srt::platform {
namespace {

// The value of a line "Name:\tvalue" of /proc/PID/status.
std::string_view status_line(std::string_view text, std::string_view name) {
  size_t at = text.find("\n" + std::string(name) + ":\t");
  if (at == std::string_view::npos) return {};
  at += name.size() + 3;
  return text.substr(at, text.find('\n', at) - at);
}

bool has_signal(std::string_view mask, int signal) {
  return (std::strtoull(std::string(mask).c_str(), nullptr, 16) >> (signal - 1)) & 1;
}

}  // namespace

Result<SignalInbox> SignalInbox::open(const sigset_t& set) {
  sigset_t before;
  if (sigprocmask(SIG_BLOCK, &set, &before) != 0) return fail_errno("signals", "block");
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    int code = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    return fail_errno("signals", "signalfd", code);
  }
  return SignalInbox(std::move(fd), before);
}

SignalInbox::SignalInbox(SignalInbox&& other) noexcept = default;

SignalInbox::~SignalInbox() {
  if (fd_) sigprocmask(SIG_SETMASK, &to_restore_, nullptr);
}

std::optional<Signal> SignalInbox::next() {
  signalfd_siginfo info;
  if (read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return Signal{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

// The first of a pid namespace hears nothing that it has no handler for (pid_namespaces(7)).
bool ignores_signal(pid_t pid, int signal) {
  Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/status");
  if (!text) return false;
  if (has_signal(status_line(*text, "SigIgn"), signal)) return true;
  return status_line(*text, "NSpid").ends_with("\t1") &&
         !has_signal(status_line(*text, "SigCgt"), signal);
}

}  // namespace srt::platform
