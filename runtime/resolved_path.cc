#include "runtime/resolved_path.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

namespace srt::runtime {
namespace {

constexpr size_t kMaxLinks = 40;  // as the kernel

void push_components(std::string_view path, std::deque<std::string>& components) {
  std::deque<std::string> found;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (end > at) found.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
  components.insert(components.begin(), found.begin(), found.end());
}

}  // namespace

std::string join_path(std::string_view folder, std::string_view name) {
  std::string out(folder == "/" ? "" : folder);
  out += '/';
  out += name;
  return out;
}

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : path.substr(0, slash);
}

bool is_within(std::string_view path, std::string_view folder) {
  if (folder == "/" || path == folder) return true;
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

bool is_systems_link(const std::string& link) {
  const std::string folder = link.substr(0, std::max<size_t>(link.rfind('/'), 1));
  struct stat own {
  }, above{};
  if (lstat(link.c_str(), &own) != 0 || lstat(folder.c_str(), &above) != 0) return false;
  if (own.st_uid != 0 || above.st_uid != 0 || (above.st_mode & 022) != 0) return false;
  return geteuid() != 0 || folder == "/" || folder == "/var";
}

std::string spelled_path(std::string_view folder, std::string_view path) {
  std::deque<std::string> components;
  push_components(path, components);
  if (!path.starts_with('/')) push_components(folder, components);
  std::string out = "/";
  for (const std::string& name : components) {
    if (name == ".") continue;
    out = name == ".." ? std::string(parent_of(out)) : join_path(out, name);
  }
  return out;
}

ResolvedPath resolve_path(std::string_view path) {
  ResolvedPath out;
  out.path = "/";
  out.exists = out.is_directory = true;
  std::deque<std::string> left;
  push_components(path, left);
  while (!left.empty()) {
    const std::string name = std::move(left.front());
    left.pop_front();
    if (name == ".") continue;
    struct stat status {};
    if (name == "..") {
      out.path = parent_of(out.path);
      // "missing/../key" is the key: read as a place that is not there, a denial of it would hide nothing.
      if (!out.exists) {
        out.exists = lstat(out.path.c_str(), &status) == 0;
        out.is_directory = out.exists && S_ISDIR(status.st_mode);
      }
      continue;
    }
    std::string next = join_path(out.path, name);
    if (!out.exists || lstat(next.c_str(), &status) != 0) {
      out.exists = out.is_directory = false;
      out.path = std::move(next);
      continue;
    }
    if (S_ISLNK(status.st_mode)) {
      if (out.links.size() == kMaxLinks) {  // a loop leads nowhere, as for the kernel
        out.exists = out.is_directory = false;
        out.path = std::move(next);
        continue;
      }
      char target[PATH_MAX];
      const ssize_t size = readlink(next.c_str(), target, sizeof target);
      if (size > 0 && size < static_cast<ssize_t>(sizeof target)) {
        const std::string_view to(target, static_cast<size_t>(size));
        out.links.push_back(std::move(next));
        if (to[0] == '/') out.path = "/";
        push_components(to, left);
        continue;
      }
    }
    out.is_directory = S_ISDIR(status.st_mode);
    out.path = std::move(next);
  }
  return out;
}

}  // namespace srt::runtime
