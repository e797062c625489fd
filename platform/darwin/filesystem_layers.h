// The rules of a FilesystemAccess, each in every spelling that counts, and what a layer of them says as a
// filter. Of the rules that cover a path the longest decides; Seatbelt knows no lengths, so it is said of
// each pair of rules where one covers more than the other.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "platform/darwin/glob.h"
#include "platform/darwin/profile.h"
#include "platform/host_access.h"

namespace srt::platform::darwin {

bool is_within(std::string_view path, std::string_view folder);  // or the same
bool closes(PathEffect effect);                                  // rather than opens

// /tmp, /var and /etc are symbolic links to below /private; Seatbelt compares resolved paths.
std::string canonical_form(std::string_view path);
// A path, and its other spelling where it lies below one of those links; the resolved one first.
std::vector<std::string> spellings(const std::string& path);
// The error: not absolute, or not without "." and "..".
Result<void> check_resolved(std::string_view path);

// A path whose front is on disk as it is spelled; the rest may appear in any case.
std::string regex_of_path(std::string_view path, size_t existing);
// At or below one of these.
Filter any_below(const std::vector<std::string>& folders);

// A rule in one spelling.
struct Place {
  PathEffect effect = PathEffect::kDenyRead;
  std::string path;
  size_t existing = std::string::npos;
  std::optional<Glob> glob;
  bool other_spelling = false;  // the system's own link leads to the path that counts

  Filter cover() const;
};

struct Layer {
  bool limits_writes = true;
  std::vector<Place> places;
  std::vector<std::string> kept_links;  // of kDenyWrite

  Filter readable() const;
  Filter writable() const;  // but for what is not readable
};

Result<std::vector<Layer>> read_layers(const FilesystemAccess& filesystem);

}  // namespace srt::platform::darwin
