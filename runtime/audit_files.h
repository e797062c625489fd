// Where a container's audit events lie: in the folder `audit` of its state folder.
#pragma once

#include <cstdint>
#include <string>

namespace srt::runtime {

inline constexpr const char* kAuditFolder = "audit";
inline constexpr const char* kAuditFile = "audit.log";       // the newest
inline constexpr const char* kFileViolations = "files.log";  // srt-broker's: what it refused
inline constexpr const char* kMonitorSocket = "monitor.sock";

// 0 is the newest, higher ones are older.
inline std::string audit_file(uint32_t age) {
  return age == 0 ? kAuditFile : kAuditFile + ("." + std::to_string(age));
}

}  // namespace srt::runtime
