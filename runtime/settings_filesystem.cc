#include "runtime/settings_filesystem.h"

namespace srt::runtime {

// "/a/*/" can match no path, since none ends in a separator: a rule that would never hold. In a relative
// path the separator counts for nothing.
void check_denied_path(const oci::Path& path, const PathEntry& entry,
                       oci::Diagnostics& diagnostics) {
  if (entry.literal || !entry.path.ends_with('/')) return;
  // A "[" without its "]" as well: what it stands for is found only without the "/".
  if (entry.path.find_first_of("*?[]") == std::string::npos) return;
  if (!entry.path.starts_with('/') && !entry.path.starts_with('~')) return;
  diagnostics.add_new(
      path, "is a pattern that ends in \"/\" and would match nothing: write " +
                oci::in_quotes(entry.path.substr(0, entry.path.find_last_not_of('/') + 1)));
}

namespace {

void check_deny(const oci::Path& path, const std::vector<PathEntry>& entries,
                oci::Diagnostics& diagnostics) {
  for (size_t i = 0; i < entries.size() && !diagnostics.full(); ++i) {
    check_denied_path(path / i, entries[i], diagnostics);
  }
}

}  // namespace

void read_value(oci::Reader& reader, const oci::Path& path, oci::Value value, PathEntry& out) {
  constexpr std::string_view kForms = R"(a path, or {"path": "…", "literal": true})";
  oci::Value text = value;
  if (value.kind() == oci::Kind::kObject) {
    text = value.find("path");
    const oci::Value literal = value.find("literal");
    // `literal: false` would read as a pattern and look like a path: it has no meaning.
    out.literal = literal.kind() == oci::Kind::kBool && literal.boolean();
    if (value.size() != 2 || !out.literal) return reader.wanted(path, kForms, value);
  }
  if (text.kind() != oci::Kind::kString) return reader.wanted(path, kForms, value);
  if (text.text().empty()) return reader.diagnostics().add(path, "must not be empty");
  out.path = text.text();
}

void write(oci::JsonWriter& writer, const PathEntry& entry) {
  if (!entry.literal) return writer.value(std::string_view(entry.path));
  writer.begin_object();
  writer.key("path");
  writer.value(std::string_view(entry.path));
  writer.key("literal");
  writer.value(true);
  writer.end_object();
}

bool looks_like_glob(std::string_view path) {
  if (path.ends_with("/**")) path.remove_suffix(3);
  if (path.find_first_of("*?") != std::string_view::npos) return true;
  const size_t open = path.find('[');
  return open != std::string_view::npos && path.find(']', open + 1) != std::string_view::npos;
}

void check_filesystem(const oci::Path& path, const FilesystemSettings& filesystem,
                      oci::Diagnostics& diagnostics) {
  if (filesystem.disabled == true) return;
  check_deny(path / "denyRead", filesystem.deny_read, diagnostics);
  check_deny(path / "denyWrite", filesystem.deny_write, diagnostics);
}

}  // namespace srt::runtime
