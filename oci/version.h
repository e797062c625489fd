// ociVersion: a semantic version (semver.org 2.0.0).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace srt::oci {

inline constexpr std::string_view kOciVersionMin = "1.0.0";
inline constexpr std::string_view kOciVersionMax = "1.3.0";

struct Version {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t patch = 0;
  std::string_view prerelease;  // "dev" of "1.0.2-dev"; of the text that was parsed
  std::string_view build;       // behind "+"
};

std::optional<Version> parse_version(std::string_view text);

}  // namespace srt::oci
