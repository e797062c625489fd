// Where a path leads: every symbolic link followed, whether or not the end exists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace srt::runtime {

struct ResolvedPath {
  std::string path;  // absolute, without links, "." and ".."
  bool exists = false;
  bool is_directory = false;
  std::vector<std::string>
      links;  // where the links stand that were followed, absolute and resolved
};

// `path` is absolute. A component that cannot be looked at, and all behind it, are taken as they are
// spelled; ".." there takes back what was spelled.
ResolvedPath resolve_path(std::string_view path);

// Links of the system's own, /var/run and the like: root's, in a folder where only root makes links. A
// command of root's may have made those, but for the ones at the top.
bool is_systems_link(const std::string& link);

// Without looking at the filesystem: absolute, no "." and "..", no "/" at the end.
std::string spelled_path(std::string_view folder, std::string_view path);

// Whether `path` is `folder` or lies below it; both resolved.
bool is_within(std::string_view path, std::string_view folder);
// "/a/b" → "/a"; "/a" and "/" → "/".
std::string_view parent_of(std::string_view path);
// "/a" + "b"
std::string join_path(std::string_view folder, std::string_view name);

}  // namespace srt::runtime
