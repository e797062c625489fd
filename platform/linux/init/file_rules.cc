#include "platform/linux/init/file_rules.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/init/filesystem.h"
#include "platform/linux/init/memory.h"
#include "platform/linux/init/mount_descriptor.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/rootfs_path.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

using platform::FileRuleKind;
using FileRule = platform::FileRule<wire::Viewed>;

constexpr const char* kObject = "filesystem rules";

void change_mount(std::string_view path, int mount, unsigned flags, uint64_t set, uint64_t clear) {
  if (!set_attributes(mount, flags, set, clear, 0)) {
    die(kObject, Line() << "change the mount at " << path);
  }
}

// -1 with ENOENT where nothing is there.
int open_without_links(int root, std::string_view path) {
  const char* below = path.data() + 1;
  return sys::openat2(root, *below == '\0' ? "." : below, O_PATH | O_CLOEXEC, 0,
                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

// What was judged, and nothing else.
void check_judged(int at, std::string_view path, const FileRule& rule) {
  struct stat st;
  if (fstat(at, &st) != 0) die(kObject, Line() << "look at " << path);
  if (rule.inode != 0 && (st.st_dev != rule.device || st.st_ino != rule.inode)) {
    die(kObject, Line() << path << " was replaced while it was mounted", 0);
  }
}

int open_judged(int root, std::string_view path, const FileRule& rule) {
  const int at = open_without_links(root, path);
  if (at < 0) die(kObject, Line() << "open " << path);
  check_judged(at, path, rule);
  return at;
}

// As the tree was before any rule: what config.json made read-only stays so.
int take_original(int root, const FileRule& rule) {
  if (rule.kind != FileRuleKind::kRead && rule.kind != FileRuleKind::kWrite) return -1;
  const int at = open_judged(root, rule.source, rule);
  const int tree =
      open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0) die(kObject, Line() << "clone " << rule.source);
  close(at);
  return tree;
}

// A kept mount that is writable now; -1: none.
int take_kept(int root, const FileRule& rule) {
  if (rule.kind != FileRuleKind::kKeep) return -1;
  const int at = open_without_links(root, rule.path);
  struct statfs info;
  if (at < 0 || fstatfs(at, &info) != 0) die(kObject, Line() << "look at " << rule.path);
  if ((info.f_flags & ST_RDONLY) == 0) return at;
  close(at);
  return -1;
}

// Nothing is made but in folders that an earlier rule emptied: all else is there, or is read-only.
int open_place(int root, const FileRule& rule, bool directory) {
  int at = open_without_links(root, rule.path);
  if (at >= 0) {
    if (rule.source.empty() || rule.source == rule.path) check_judged(at, rule.path, rule);
    return at;
  }
  if (errno == ENOENT) {
    at = open_or_make_in_root(root, rule.path, directory ? Missing::kDirectory : Missing::kFile);
  }
  if (at < 0) die(kObject, Line() << "mount point " << rule.path);
  return at;
}

int make_memory(const FileRule& rule) {
  return make_filesystem(kObject, "tmpfs", "tmpfs", rule.options,
                         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

// What covers hidden files. nodev: the kernel then lets nobody open a device, root with all capabilities
// included; a file of mode 000 would be read by it. A mount can be cloned only where it is attached, so
// the first file gets the mount itself.
class Unreadable {
 public:
  explicit Unreadable(int null) : mount_(null) {}

  int take() {
    if (taken_) return open_tree(mount_, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    taken_ = true;
    change_mount("hidden files", mount_, 0,
                 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID, 0);
    return mount_;
  }

 private:
  int mount_;
  bool taken_ = false;
};

// The mount that the rule puts at its path.
int make_mount(const FileRule& rule, int original, Unreadable& unreadable) {
  switch (rule.kind) {
    case FileRuleKind::kRead:
      change_mount(rule.path, original, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0);
      return original;
    case FileRuleKind::kWrite: return original;
    case FileRuleKind::kHideFolder:
    case FileRuleKind::kMemory: return make_memory(rule);
    case FileRuleKind::kHideFile: return unreadable.take();
    case FileRuleKind::kKeep: break;
  }
  return -1;
}

}  // namespace

void apply_file_rules(const platform::FileRules<wire::Viewed>& rules, int root, int null) {
  // What is mounted on a volume that is shared with the host would be mounted there as well; and what the host
  // mounts there later, or in the rootfs, would come in here with its own options, whatever the rules say.
  mount_attr alone{};
  alone.propagation = MS_PRIVATE;
  if (mount_setattr(root, "", AT_EMPTY_PATH | AT_RECURSIVE, &alone, sizeof alone) != 0) {
    die(kObject, "keep their mounts from the host");
  }
  int* taken = take_array<int>(rules.rules.size());
  size_t i = 0;
  for (const FileRule& rule : rules.rules) {
    taken[i++] =
        rule.kind == FileRuleKind::kKeep ? take_kept(root, rule) : take_original(root, rule);
  }
  if (rules.root_readonly) change_mount("/", root, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0);
  Unreadable unreadable(null);
  i = 0;
  for (const FileRule& rule : rules.rules) {
    int& mount = taken[i++];
    if (rule.kind == FileRuleKind::kKeep) {
      if (mount >= 0) change_mount(rule.path, mount, 0, 0, MOUNT_ATTR_RDONLY);
      continue;
    }
    mount = make_mount(rule, mount, unreadable);
    if (mount < 0) die(kObject, Line() << "make what covers " << rule.path);
    const int place = open_place(root, rule, is_directory(mount));
    if (move_mount(mount, "", place, "", kOnDescriptors) != 0) {
      die(kObject, Line() << "mount over " << rule.path);
    }
    close(place);
  }
  // Only now: until here places of rules inside were made in them.
  i = 0;
  for (const FileRule& rule : rules.rules) {
    const int mount = taken[i++];
    if (rule.kind == FileRuleKind::kHideFolder) {
      change_mount(rule.path, mount, 0, MOUNT_ATTR_RDONLY, 0);
    }
  }
}

}  // namespace srt::init
