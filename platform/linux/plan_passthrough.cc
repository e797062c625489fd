// Host passthrough: the rootfs is the host's own "/". Destinations are host paths that we
// canonicalise ourselves, so the whole mount plan is bwrap's arguments and can be shown as such.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "platform/fd.h"
#include "platform/host_mounts.h"
#include "platform/linux/draft.h"
#include "platform/linux/mount_options.h"
#include "platform/no_links.h"

namespace srt::platform {
namespace {

namespace fs = std::filesystem;

class Passthrough {
 public:
  explicit Passthrough(Draft& draft) : draft_(draft) {
    for (const PinnedPlace& place : draft.bundle.pinned) pinned_.emplace(place.path, &place);
  }

  Result<void> plan() {
    const oci::Linux& os = draft_.os();
    bool readonly = draft_.spec().root->readonly.value_or(false);
    // Read-only means everything below too; bwrap's read-only binds have no devices.
    add({readonly ? "--ro-bind" : "--dev-bind", "/", "/"});
    if (readonly && !mounts_dev()) add({"--dev-bind", "/dev", "/dev"});
    size_t index = 0;
    for (const oci::Mount& mount : oci::items(draft_.spec().mounts)) {
      SRT_TRY(plan_mount(mount, "/mounts/" + std::to_string(index++)));
    }
    for (const std::string& path : oci::items(os.masked_paths)) mask(path);
    for (const std::string& path : oci::items(os.readonly_paths)) protect(path);
    if (own_procfs_) {
      // Root inside may be root outside, and these files ask for nothing but that id.
      for (const char* path :
           {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}) {
        protect(path);
      }
      // "scsi remove-single-device" takes a disk off the host; wake-ups, memory types.
      for (const char* path : {"/proc/acpi", "/proc/driver", "/proc/mtrr", "/proc/scsi"}) {
        if (!draft_.in_user_namespace()) protect(path);
      }
    }
    if (!oci::items(os.devices).empty()) {
      return fail("/linux/devices", "the host's own /dev is used when root.path is \"/\"",
                  "leave them out");
    }
    if (os.rootfs_propagation) {
      draft_.plan.warnings.push_back(
          "/linux/rootfsPropagation: has no effect when root.path is \"/\"");
    }
    if (own_procfs_ && planned_["/dev"]) leave_procfs_to_init();
    // By srt-init, in one call: bwrap reads all of mountinfo for each.
    draft_.plan.init.sealed = std::move(sealed_);
    for (const PinnedPlace& place : draft_.bundle.pinned) {
      draft_.plan.init.pinned.push_back({place.path, place.device, place.inode, place.hidden});
    }
    const std::vector<HostMount> mounts = host_mounts();
    draft_.plan.keeps_mounts = std::any_of(mounts.begin(), mounts.end(),
                                           [](const HostMount& mount) { return mount.receives; });
    draft_.plan.init.passthrough = true;
    draft_.plan.init.rootfs = "/";
    return {};
  }

 private:
  void add(std::vector<std::string> words) { draft_.plan.base.push_back({std::move(words)}); }

  bool mounts_dev() const {
    const auto& mounts = oci::items(draft_.spec().mounts);
    return std::any_of(mounts.begin(), mounts.end(),
                       [](const oci::Mount& mount) { return mount.destination == "/dev"; });
  }

  std::optional<std::string> existing(const std::string& path) {
    std::error_code error;
    fs::path real = fs::canonical(path, error);
    if (error) return std::nullopt;
    return real.string();
  }

  // What bwrap makes empty: mount points in it may be created; anywhere else that would change the host.
  // Decided by the mount that is nearest, since a bind in an empty folder is the host's again.
  bool is_below_fresh(const std::string& path) const {
    for (std::string folder = path; folder != "/";) {
      folder = fs::path(folder).parent_path().string();
      if (const auto at = planned_.find(folder); at != planned_.end()) return at->second;
    }
    return false;
  }

  // Without a link on the way.
  static bool is_still(const PinnedPlace& judged) {
    const UniqueFd at = open_no_links(judged.path, O_PATH | O_NOFOLLOW);
    struct stat now {};
    return at && fstat(at.get(), &now) == 0 && now.st_dev == judged.device &&
           now.st_ino == judged.inode;
  }

  const PinnedPlace* pinned(const std::string& path) const {
    const auto found = pinned_.find(path);
    return found == pinned_.end() ? nullptr : found->second;
  }

  // The namespace's own procfs is mounted by srt-init, over the one that is bwrap's.
  bool is_in_own_procfs(const std::string& path) const {
    return own_procfs_ && path.rfind("/proc/", 0) == 0;
  }

  void mask(const std::string& path) {
    if (is_in_own_procfs(path)) return draft_.plan.init.masked.push_back(path);
    auto real = existing(path);
    if (!real || is_below_fresh(*real)) return;  // in an empty folder there is nothing to hide
    if (fs::is_directory(*real)) {
      add({"--tmpfs", *real});
      add({"--remount-ro", *real});
    } else {
      add({"--ro-bind", "/dev/null", *real});
    }
  }

  // srt-init mounts it anyway. bwrap, that as root covers four of its folders and reads all of mountinfo for each, needs
  // one only to start srt-holder by its descriptor: here it may be a file, for as long as it runs.
  void leave_procfs_to_init() {
    std::erase_if(draft_.plan.base, [](const BwrapOp& op) {
      return op.words == std::vector<std::string>{"--proc", "/proc"};
    });
    draft_.plan.holder_at = draft_.plan.init.holder_file = "/dev/srt-holder";
  }

  void protect(const std::string& path) {
    std::vector<std::string>& later = draft_.plan.init.readonly;
    if (!is_in_own_procfs(path)) {
      if (auto real = existing(path)) add({"--ro-bind", *real, *real});
    } else if (std::find(later.begin(), later.end(), path) == later.end()) {
      later.push_back(path);
    }
  }

  // bwrap, which is not in the new pid namespace itself, binds the host's procfs: that one shows all
  // processes outside, and is there only for as long as the holder is started from it.
  void plan_procfs(const std::string& place, const MountOptions& options,
                   const std::string& pointer) {
    if (!draft_.is_new(oci::NamespaceType::kPid)) return add({"--dev-bind", "/proc", place});
    add({"--proc", place});
    own_procfs_ |= place == "/proc";
    init::Mount<wire::Owned> mount;
    mount.kind = init::MountKind::kFilesystem;
    mount.pointer = pointer;
    mount.type = mount.source = "proc";
    mount.destination = place;
    mount.set = options.set | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV;
    draft_.plan.init.mounts.push_back(std::move(mount));
  }

  Result<std::string> place_of(const oci::Mount& mount, const std::string& pointer) {
    std::string wanted = fs::path(mount.destination).lexically_normal().string();
    if (wanted.size() > 1 && wanted.back() == '/') wanted.pop_back();
    if (is_below_fresh(wanted)) return wanted;
    const auto real = existing(wanted);
    // A link has come there since the rules were resolved, or was on the way when it was judged.
    if (const PinnedPlace* judged = pinned(wanted);
        judged && (real != wanted || !is_still(*judged))) {
      return fail(pointer + "/destination", wanted + " was replaced while it was looked at",
                  "try again");
    }
    if (real) return *real;
    return fail(
        pointer + "/destination",
        wanted + " does not exist, and with root.path \"/\" it would have to be made on the host",
        "create it first, or choose an existing place");
  }

  Result<void> refuse(const std::string& pointer, const std::string& what) {
    return fail(pointer, what + " is not possible when root.path is \"/\"",
                "use a rootfs of its own");
  }

  Result<void> plan_mount(const oci::Mount& mount, const std::string& pointer) {
    MountOptions options = parse_mount_options(oci::items(mount.options));
    SRT_ASSIGN(std::string place, place_of(mount, pointer));
    std::string type = mount.type.value_or("");
    bool readonly = ((options.set | options.recursive_set) & MOUNT_ATTR_RDONLY) != 0;
    if (options.idmap || !oci::items(mount.uid_mappings).empty())
      return refuse(pointer, "an idmapped mount");
    if (options.copy_up) return refuse(pointer + "/options", "tmpcopyup");
    // What hides something of the procfs: it would come to lie under the new one.
    if (is_in_own_procfs(place)) {
      mask(place);
      return {};
    }
    planned_[place] = !options.bind && type == "tmpfs";
    if (options.bind || type == "bind") return plan_bind(mount, options, place, readonly, pointer);
    if (type == "proc") {
      plan_procfs(place, options, pointer);
    } else if (type == "tmpfs" && place == "/dev") {
      add({"--dev",
           place});  // null, zero, full, random, urandom, tty, pts, shm, console and the links
      // bwrap shows the host's own nodes, which root, and whoever owns the terminal, could give another mode or owner:
      // `chmod 600 /dev/null` was for everybody. A device is written to all the same.
      for (const char* node : {"null", "zero", "full", "random", "urandom", "tty", "console"}) {
        sealed_.push_back("/dev/" + std::string(node));
      }
    } else if (type == "tmpfs") {
      SRT_TRY(plan_tmpfs(options, place));
    } else if (type == "devpts" && place == "/dev/pts") {
      return {};  // part of --dev
    } else if (type == "mqueue") {
      add({"--mqueue", place});
    } else if (type == "sysfs" || type == "cgroup" || type == "cgroup2") {
      add({"--ro-bind", place, place});  // the host's, read-only
    } else {
      return refuse(pointer + "/type", "a mount of type \"" + type + "\"");
    }
    if (readonly && type == "tmpfs") sealed_.push_back(place);
    return {};
  }

  Result<void> plan_tmpfs(const MountOptions& options, const std::string& place) {
    for (const std::string& option : options.data) {
      if (option.rfind("mode=", 0) == 0) add({"--perms", "0" + option.substr(5)});
      if (option.rfind("size=", 0) == 0) {
        SRT_ASSIGN(std::string bytes, to_bytes(option.substr(5)));
        add({"--size", bytes});
      }
    }
    add({"--tmpfs", place});
    return {};
  }

  // "64m" as bytes: bwrap takes nothing else.
  static Result<std::string> to_bytes(const std::string& size) {
    char* end = nullptr;
    unsigned long long n = strtoull(size.c_str(), &end, 10);
    unsigned shift = 0;
    if (*end == 'k' || *end == 'K') shift = 10;
    if (*end == 'm' || *end == 'M') shift = 20;
    if (*end == 'g' || *end == 'G') shift = 30;
    if (shift != 0) ++end;
    if (n == 0 || *end != '\0' || n > (~0ull >> 1 >> shift)) {
      return fail("size=" + size, "is not a size that can be used with root.path \"/\"",
                  "write bytes, or 64m");
    }
    return std::to_string(n << shift);
  }

  Result<void> plan_bind(const oci::Mount& mount, const MountOptions& options,
                         const std::string& place, bool readonly, const std::string& pointer) {
    fs::path source = mount.source.value_or("");
    if (source.empty()) return fail(pointer + "/source", "a bind mount needs one");
    if (source.is_relative()) source = fs::path(draft_.bundle.dir) / source;
    auto real = existing(source.string());
    if (const PinnedPlace* judged = pinned(place);
        judged && !judged->hidden && real != source.string()) {
      return fail(pointer + "/source", source.string() + " was replaced while it was looked at",
                  "try again");
    }
    if (!real)
      return fail_errno(pointer + "/source", "bind mount source " + source.string(), ENOENT);
    bool devices = (options.set & MOUNT_ATTR_NODEV) == 0;
    add({readonly ? "--ro-bind" : devices ? "--dev-bind" : "--bind", *real, place});
    return {};
  }

  Draft& draft_;
  std::map<std::string, const PinnedPlace*> pinned_;
  std::map<std::string, bool> planned_;  // mounts so far; whether bwrap makes them empty
  bool own_procfs_ = false;              // at /proc
  std::vector<std::string> sealed_;      // empty folders and nodes that are read-only in the end
};

}  // namespace

Result<void> plan_passthrough(Draft& draft) { return Passthrough(draft).plan(); }

}  // namespace srt::platform
