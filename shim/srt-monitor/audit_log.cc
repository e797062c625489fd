#include "shim/srt-monitor/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "runtime/audit_files.h"

namespace srt::monitor {
namespace {

Result<void> write_all(int fd, std::string_view line, const char* name) {
  while (!line.empty()) {
    ssize_t n = ::write(fd, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(name, "write");
    line.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace

Result<AuditLog> AuditLog::open(int dir, AuditLimits limits, UniqueFd copy) {
  AuditLog log(dir, limits);
  log.copy_ = std::move(copy);
  SRT_TRY(log.open_newest());
  return log;
}

Result<void> AuditLog::open_newest() {
  // O_NOFOLLOW: whoever planted a link in the folder does not choose where we write.
  file_.reset(openat(dir_, runtime::kAuditFile,
                     O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat st;
  if (!file_ || fstat(file_.get(), &st) != 0) return fail_errno(runtime::kAuditFile, "open");
  size_ = static_cast<uint64_t>(st.st_size);
  return {};
}

void AuditLog::rotate() {
  for (uint32_t n = limits_.keep; n > 0; --n) {
    (void)renameat(dir_, runtime::audit_file(n - 1).c_str(), dir_, runtime::audit_file(n).c_str());
  }
  if (limits_.keep == 0) (void)unlinkat(dir_, runtime::kAuditFile, 0);
}

Result<void> AuditLog::write(std::string_view line) {
  if (size_ + line.size() > limits_.max_bytes && size_ > 0) {
    rotate();
    SRT_TRY(open_newest());
  }
  size_ += line.size();
  SRT_TRY(write_all(file_.get(), line, runtime::kAuditFile));
  if (copy_) SRT_TRY(write_all(copy_.get(), line, "audit/file"));
  return {};
}

}  // namespace srt::monitor
