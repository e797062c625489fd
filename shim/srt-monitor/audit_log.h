// The audit log of one container: NDJSON in its folder, rotated, bounded.
//
//   SRT_ASSIGN(AuditLog log, AuditLog::open(dir, {.max_bytes = 64 << 20, .keep = 1}, UniqueFd()));
//   SRT_TRY(log.write(line));   // written when it returns; survives a kill -9 of anybody
//
// audit.log is the newest; at max_bytes it becomes audit.log.1, and so on up to `keep`. A copy, where the
// operator's policy names a file, grows until the operator rotates it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::monitor {

struct AuditLimits {
  uint64_t max_bytes = uint64_t{64} << 20;
  uint32_t keep = 1;
};

class AuditLog {
 public:
  // `dir` stays the caller's and open. `copy` may be none.
  static Result<AuditLog> open(int dir, AuditLimits limits, UniqueFd copy);

  // `line` ends with a newline.
  Result<void> write(std::string_view line);

 private:
  AuditLog(int dir, AuditLimits limits) : dir_(dir), limits_(limits) {}
  Result<void> open_newest();
  void rotate();

  int dir_;
  AuditLimits limits_;
  UniqueFd file_, copy_;
  uint64_t size_ = 0;
};

}  // namespace srt::monitor
