#include "oci/rules.h"

#include <algorithm>

namespace srt::oci {

void check_absolute(const Path& path, const std::string& value, Diagnostics& diagnostics) {
  if (!value.starts_with('/')) {
    diagnostics.add_new(path, "must be absolute, got " + in_quotes(value));
  }
}

void check_all_absolute(const Path& path, const List<std::string>& paths,
                        Diagnostics& diagnostics) {
  for (size_t i = 0; i < items(paths).size(); ++i) {
    check_absolute(path / i, items(paths)[i], diagnostics);
  }
}

void check_not_empty(const Path& path, const std::string& value, Diagnostics& diagnostics) {
  if (value.empty()) diagnostics.add_new(path, "must not be empty");
}

void check_uts_name(const Path& path, const std::optional<std::string>& value,
                    Diagnostics& diagnostics) {
  constexpr size_t kMaxName = 64;
  if (value && value->size() > kMaxName) {
    diagnostics.add_new(path, "must be at most " + std::to_string(kMaxName) + " bytes, got " +
                                  std::to_string(value->size()));
  }
}

void check_between(const Path& path, const std::optional<int64_t>& value, int64_t min, int64_t max,
                   Diagnostics& diagnostics) {
  if (value && (*value < min || *value > max)) {
    diagnostics.add_new(path, "must be between " + std::to_string(min) + " and " +
                                  std::to_string(max) + ", got " + std::to_string(*value));
  }
}

void check_at_most(const Path& path, const std::optional<uint64_t>& value, uint64_t max,
                   Diagnostics& diagnostics) {
  if (value && *value > max) {
    diagnostics.add_new(
        path, "must be at most " + std::to_string(max) + ", got " + std::to_string(*value));
  }
}

void check_id(const Path& path, const std::optional<uint32_t>& id, Diagnostics& diagnostics) {
  if (id == UINT32_MAX) diagnostics.add_new(path, "must be below 4294967295, which is no id");
}

void check_cpu_list(const Path& path, const std::optional<std::string>& value,
                    Diagnostics& diagnostics) {
  if (value && value->find_first_not_of("0123456789, -") != std::string::npos) {
    diagnostics.add_new(
        path, "must be a list of numbers and ranges (\"0-3,7\"), got " + in_quotes(*value));
  }
}

void check_interface_name(const Path& path, const std::string& value, Diagnostics& diagnostics) {
  constexpr size_t kMaxName = 15;  // IFNAMSIZ with its NUL
  const bool bad = value.empty() || value.size() > kMaxName || value == "." || value == ".." ||
                   value.find_first_of("/: \t\n\v\f\r") != std::string::npos;
  if (bad) {
    diagnostics.add_new(path,
                        "must be a network interface's name (1 to 15 bytes, no '/', ':' or "
                        "space), got " +
                            in_quotes(value));
  }
}

}  // namespace srt::oci
