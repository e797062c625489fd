#include "runtime/pattern_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "runtime/resolved_path.h"

namespace srt::runtime {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};
using Folder = std::unique_ptr<DIR, CloseDir>;

struct Pending {
  std::string path;
  std::string spelled;
  std::vector<PathPattern::States> states;  // one a pattern; empty: it cannot match below
};

// A link may lead into them (/proc/self), too.
bool is_kernels(const std::string& path) {
  return is_within(path, "/proc") || is_within(path, "/sys");
}

Folder open_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return {};
  Folder folder(fdopendir(fd));
  if (!folder) close(fd);
  return folder;
}

class Walk {
 public:
  Walk(const std::vector<const PathPattern*>& patterns, FolderLinks links, WalkBudget& budget)
      : patterns_(patterns), links_(links), budget_(budget) {}

  Result<std::vector<PatternMatch>> run(const std::string& base) {
    Pending first{base, base, {}};
    for (const PathPattern* pattern : patterns_) first.states.push_back(pattern->begin());
    pending_.push_back(std::move(first));
    while (!pending_.empty()) {
      const Pending folder = std::move(pending_.back());
      pending_.pop_back();
      if (!enter(folder)) {
        return fail(Error{folder.spelled, "is too large to search for a pattern", {}, EFBIG});
      }
    }
    return std::move(matches_);
  }

 private:
  bool enter(const Pending& folder) {
    if (folder.path == "/proc" || folder.path == "/sys" || folder.path == "/dev") return true;
    const Folder open = open_folder(folder.path);
    if (!open || was_entered(folder, dirfd(open.get()))) return true;
    while (const dirent* entry = readdir(open.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (budget_.entries-- == 0 || !look_at(folder, dirfd(open.get()), *entry)) {
        budget_.entries = 0;
        return false;
      }
    }
    return true;
  }

  bool look_at(const Pending& folder, int at, const dirent& entry) {
    // Of what is no folder only a match matters.
    const bool may_be_folder = entry.d_type == DT_DIR || entry.d_type == DT_UNKNOWN ||
                               (entry.d_type == DT_LNK && links_ == FolderLinks::kFollowed);
    if (!may_be_folder && !may_match(entry.d_name)) return true;
    Pending next;
    bool matched = false;
    bool may_continue = false;
    for (size_t i = 0; i < patterns_.size(); ++i) {
      PathPattern::States states;
      if (!folder.states[i].empty()) states = patterns_[i]->below(folder.states[i], entry.d_name);
      if (!states.empty() && patterns_[i]->accepts(states)) matched = true;
      if (!states.empty() && !patterns_[i]->may_continue(states)) states.clear();
      may_continue |= !states.empty();
      next.states.push_back(std::move(states));
    }
    if (!matched && !may_continue) return true;
    const unsigned char type = type_of(at, entry);
    if (matched) {
      if (budget_.matches == 0) return false;
      --budget_.matches;
      matches_.push_back({join_path(folder.path, entry.d_name),
                          join_path(folder.spelled, entry.d_name), type == DT_DIR, type == DT_LNK});
    } else if (type == DT_DIR) {
      next.path = join_path(folder.path, entry.d_name);
      next.spelled = join_path(folder.spelled, entry.d_name);
      pending_.push_back(std::move(next));
    } else if (type == DT_LNK && links_ == FolderLinks::kFollowed) {
      ResolvedPath target = resolve_path(join_path(folder.path, entry.d_name));
      if (!target.is_directory || is_kernels(target.path)) return true;
      next.path = std::move(target.path);
      next.spelled = join_path(folder.spelled, entry.d_name);
      pending_.push_back(std::move(next));
    }
    return true;
  }

  // Links may lead in circles, and to what is searched by its own name. Without them there is one way to each.
  bool was_entered(const Pending& folder, int fd) {
    if (links_ == FolderLinks::kPassedOver) return false;
    struct stat status {};
    if (fstat(fd, &status) != 0) return false;
    return !entered_.emplace(status.st_dev, status.st_ino, folder.states).second;
  }

  bool may_match(std::string_view name) const {
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const PathPattern* pattern) { return name.ends_with(pattern->tail()); });
  }

  // Some filesystems do not say it with the name.
  static unsigned char type_of(int at, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN) return entry.d_type;
    struct stat status {};
    if (fstatat(at, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
    if (S_ISDIR(status.st_mode)) return DT_DIR;
    return S_ISLNK(status.st_mode) ? DT_LNK : DT_REG;
  }

  const std::vector<const PathPattern*>& patterns_;
  const FolderLinks links_;
  WalkBudget& budget_;
  std::set<std::tuple<dev_t, ino_t, std::vector<PathPattern::States>>> entered_;
  std::vector<Pending> pending_;
  std::vector<PatternMatch> matches_;
};

}  // namespace

Result<std::vector<PatternMatch>> walk_patterns(const std::string& base,
                                                const std::vector<const PathPattern*>& patterns,
                                                FolderLinks links, WalkBudget& budget) {
  return Walk(patterns, links, budget).run(base);
}

}  // namespace srt::runtime
