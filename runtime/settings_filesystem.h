// The section `filesystem` of a policy document: see runtime/settings.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/diagnostics.h"
#include "oci/read.h"
#include "oci/write.h"

namespace srt::runtime {

// A string, which is a pattern where it looks like one, or {"path": …, "literal": true}, which is not.
struct PathEntry {
  std::string path;
  bool literal = false;
  bool operator==(const PathEntry&) const = default;
};
void read_value(oci::Reader& reader, const oci::Path& path, oci::Value value, PathEntry& out);
void write(oci::JsonWriter& writer, const PathEntry& entry);

struct FilesystemSettings {
  std::optional<bool> disabled;
  std::vector<PathEntry> deny_read;
  std::optional<std::vector<PathEntry>> allow_read;
  std::vector<PathEntry> allow_write;
  std::vector<PathEntry> deny_write;
  std::optional<bool> allow_git_config;
  bool operator==(const FilesystemSettings&) const = default;
};

// Whether an entry that is not literal is a pattern: it holds `*`, `?` or a `[…]`. One trailing "/**"
// only says "the directory".
bool looks_like_glob(std::string_view path);

// A rule that denies `entry`.
void check_denied_path(const oci::Path& path, const PathEntry& entry,
                       oci::Diagnostics& diagnostics);

void check_filesystem(const oci::Path& path, const FilesystemSettings& filesystem,
                      oci::Diagnostics& diagnostics);

}  // namespace srt::runtime
