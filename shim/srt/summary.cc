#include "shim/srt/summary.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>

#include "oci/diagnostics.h"
#include "platform/fd.h"
#include "runtime/audit_files.h"

namespace srt::shim {
namespace {

constexpr size_t kShown = 5;

// A network log has what was allowed, too; what srt-broker writes down is all refused.
void add(Violations& violations, const std::string& path, bool all) {
  Result<std::string> text = read_file(path, size_t{256} << 20);
  if (!text) return;
  for (std::string_view rest = *text; !rest.empty();) {
    size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;  // half a line: its writer was killed
    std::string_view line = rest.substr(0, end + 1);
    rest.remove_prefix(end + 1);
    if (all || line.find("\"event\":\"denied\"") != std::string_view::npos)
      violations.lines.emplace_back(line);
  }
}

// The value of a text member in a line of our own printing, which has no spaces and escapes quotes.
std::string member(std::string_view line, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + key.size());
  return std::string(line.substr(0, line.find('"')));
}

}  // namespace

Violations read_violations(const std::string& state_folder) {
  Violations violations;
  const std::string audit = state_folder + "/" + runtime::kAuditFolder + "/";
  add(violations, audit + runtime::audit_file(1), false);
  add(violations, audit + runtime::audit_file(0), false);
  add(violations, audit + runtime::kFileViolations, true);
  return violations;
}

void ignore(Violations& violations, const std::map<std::string, std::vector<std::string>>& patterns,
            const std::vector<std::string>& argv) {
  std::string command;
  for (const std::string& word : argv) command += (command.empty() ? "" : " ") + word;
  std::vector<std::string> parts;
  for (const auto& [pattern, list] : patterns) {
    if (pattern != "*" && command.find(pattern) == std::string::npos) continue;
    parts.insert(parts.end(), list.begin(), list.end());
  }
  std::erase_if(violations.lines, [&](const std::string& line) {
    const std::string host = member(line, "host"), path = member(line, "path");
    return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
      return host.find(part) != std::string::npos || path.find(part) != std::string::npos;
    });
  });
}

Result<UniqueFd> open_report(const std::string& path) {
  // The kernel's own links, /dev/stdout and /dev/fd/9, are nobody's trap.
  const bool kernels = path.starts_with("/dev/") || path.starts_with("/proc/");
  UniqueFd fd(open(
      path.c_str(),
      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | (kernels ? 0 : O_NOFOLLOW), 0600));
  if (fd) return fd;
  if (errno == ELOOP) {
    return fail("--violations " + path, "is a symbolic link", "name the file that it leads to");
  }
  return fail_errno("--violations " + path, "open");
}

Result<void> write_violations(const Violations& violations, int report) {
  for (std::string_view line : violations.lines) {
    while (!line.empty()) {
      ssize_t n = write(report, line.data(), line.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno("--violations", "write");
      line.remove_prefix(static_cast<size_t>(n));
    }
  }
  return {};
}

void summarise(const Violations& violations, bool verbose) {
  if (violations.lines.empty() || (!verbose && isatty(STDERR_FILENO) == 0)) return;
  std::map<std::string, size_t> what;  // "host" or path → how often
  for (const std::string& line : violations.lines) {
    std::string name = member(line, "host");
    if (name.empty()) name = member(line, "path");
    // Made by the command: a control character (of C1, which JSON leaves alone) would speak to the terminal.
    ++what[oci::printable(name, 200)];
  }
  std::string names;
  size_t shown = 0;
  for (const auto& [name, count] : what) {
    if (shown++ == kShown) break;
    names += (names.empty() ? "" : ", ") + name;
    if (count > 1) names += " (" + std::to_string(count) + "×)";
  }
  if (what.size() > kShown) names += ", …";
  std::fprintf(stderr, "srt: blocked %zu: %s\n", violations.lines.size(), names.c_str());
}

}  // namespace srt::shim
