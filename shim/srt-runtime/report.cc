#include "shim/srt-runtime/report.h"

#include <unistd.h>

#include <csignal>

#include "shim/srt-runtime/verb.h"

namespace srt::shim {

std::string one_line(std::string_view text) {
  std::string line;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n') {
      line += "; ";  // several problems of one file
    } else if (c < 0x20 || c == 0x7f) {
      line += '?';
    } else {
      line += text[i];
    }
  }
  return line;
}

std::string Report::prefix() const {
  if (verb.empty()) return {};
  return verb + (subject.empty() ? "" : " " + one_line(subject)) + ": ";
}

int Report::failure(const Error& error, int status) const {
  std::string message = one_line(to_string(error));
  if (log.to_file()) log.write(runtime::Log::Level::kError, message);
  std::string line = "srt-runtime: " + prefix() + message + "\n";
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return status;
  return status;
}

Result<int> print(std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) {
      // Whoever read it has had enough (`events --follow ID | head -1`), and printing is all that is left to do.
      std::signal(SIGPIPE, SIG_DFL);
      (void)std::raise(SIGPIPE);
    }
    if (n < 0) return fail_errno("stdout", "write");
    text.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

}  // namespace srt::shim
