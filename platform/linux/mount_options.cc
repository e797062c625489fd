#include "platform/linux/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>

namespace srt::platform {
namespace {

enum class Kind {
  kAttribute,           // of this mount
  kRecursiveAttribute,  // of this mount and all below
  kPropagation,
  kRecursivePropagation,
  kFilesystem,  // a flag of the filesystem instance, same name for fsconfig(2)
  kBind,
  kRecursiveBind,
  kRemount,
  kCopyUp,
  kIdmap,
  kRecursiveIdmap,
  kNothing,  // without effect on mounts made by the current calls
};

struct Option {
  std::string_view name;
  Kind kind;
  uint64_t set = 0;
  uint64_t clear = 0;
};

constexpr uint64_t kAtime = MOUNT_ATTR__ATIME;

// config.md "Linux mount options", in its order.
constexpr std::array kOptions = {
    Option{"async", Kind::kFilesystem},
    Option{"atime", Kind::kAttribute, MOUNT_ATTR_RELATIME, kAtime},
    Option{"bind", Kind::kBind},
    Option{"defaults", Kind::kNothing},
    Option{"dev", Kind::kAttribute, 0, MOUNT_ATTR_NODEV},
    Option{"diratime", Kind::kAttribute, 0, MOUNT_ATTR_NODIRATIME},
    Option{"dirsync", Kind::kFilesystem},
    Option{"exec", Kind::kAttribute, 0, MOUNT_ATTR_NOEXEC},
    Option{"iversion", Kind::kNothing},
    Option{"lazytime", Kind::kFilesystem},
    Option{"loud", Kind::kNothing},
    Option{"mand", Kind::kNothing},  // mandatory locks left Linux in 5.15
    Option{"noatime", Kind::kAttribute, MOUNT_ATTR_NOATIME, kAtime},
    Option{"nodev", Kind::kAttribute, MOUNT_ATTR_NODEV, 0},
    Option{"nodiratime", Kind::kAttribute, MOUNT_ATTR_NODIRATIME, 0},
    Option{"noexec", Kind::kAttribute, MOUNT_ATTR_NOEXEC, 0},
    Option{"noiversion", Kind::kNothing},
    Option{"nolazytime", Kind::kFilesystem},
    Option{"nomand", Kind::kNothing},
    Option{"norelatime", Kind::kAttribute, MOUNT_ATTR_STRICTATIME, kAtime},
    Option{"nostrictatime", Kind::kAttribute, MOUNT_ATTR_RELATIME, kAtime},
    Option{"nosuid", Kind::kAttribute, MOUNT_ATTR_NOSUID, 0},
    Option{"nosymfollow", Kind::kAttribute, MOUNT_ATTR_NOSYMFOLLOW, 0},
    Option{"private", Kind::kPropagation, MS_PRIVATE},
    Option{"ratime", Kind::kRecursiveAttribute, MOUNT_ATTR_RELATIME, kAtime},
    Option{"rbind", Kind::kRecursiveBind},
    Option{"rdev", Kind::kRecursiveAttribute, 0, MOUNT_ATTR_NODEV},
    Option{"rdiratime", Kind::kRecursiveAttribute, 0, MOUNT_ATTR_NODIRATIME},
    Option{"relatime", Kind::kAttribute, MOUNT_ATTR_RELATIME, kAtime},
    Option{"remount", Kind::kRemount},
    Option{"rexec", Kind::kRecursiveAttribute, 0, MOUNT_ATTR_NOEXEC},
    Option{"rnoatime", Kind::kRecursiveAttribute, MOUNT_ATTR_NOATIME, kAtime},
    Option{"rnodev", Kind::kRecursiveAttribute, MOUNT_ATTR_NODEV, 0},
    Option{"rnodiratime", Kind::kRecursiveAttribute, MOUNT_ATTR_NODIRATIME, 0},
    Option{"rnoexec", Kind::kRecursiveAttribute, MOUNT_ATTR_NOEXEC, 0},
    Option{"rnorelatime", Kind::kRecursiveAttribute, MOUNT_ATTR_STRICTATIME, kAtime},
    Option{"rnostrictatime", Kind::kRecursiveAttribute, MOUNT_ATTR_RELATIME, kAtime},
    Option{"rnosuid", Kind::kRecursiveAttribute, MOUNT_ATTR_NOSUID, 0},
    Option{"rnosymfollow", Kind::kRecursiveAttribute, MOUNT_ATTR_NOSYMFOLLOW, 0},
    Option{"ro", Kind::kAttribute, MOUNT_ATTR_RDONLY, 0},
    Option{"rprivate", Kind::kRecursivePropagation, MS_PRIVATE},
    Option{"rrelatime", Kind::kRecursiveAttribute, MOUNT_ATTR_RELATIME, kAtime},
    Option{"rro", Kind::kRecursiveAttribute, MOUNT_ATTR_RDONLY, 0},
    Option{"rrw", Kind::kRecursiveAttribute, 0, MOUNT_ATTR_RDONLY},
    Option{"rshared", Kind::kRecursivePropagation, MS_SHARED},
    Option{"rslave", Kind::kRecursivePropagation, MS_SLAVE},
    Option{"rstrictatime", Kind::kRecursiveAttribute, MOUNT_ATTR_STRICTATIME, kAtime},
    Option{"rsuid", Kind::kRecursiveAttribute, 0, MOUNT_ATTR_NOSUID},
    Option{"rsymfollow", Kind::kRecursiveAttribute, 0, MOUNT_ATTR_NOSYMFOLLOW},
    Option{"runbindable", Kind::kRecursivePropagation, MS_UNBINDABLE},
    Option{"rw", Kind::kAttribute, 0, MOUNT_ATTR_RDONLY},
    Option{"shared", Kind::kPropagation, MS_SHARED},
    Option{"silent", Kind::kNothing},
    Option{"slave", Kind::kPropagation, MS_SLAVE},
    Option{"strictatime", Kind::kAttribute, MOUNT_ATTR_STRICTATIME, kAtime},
    Option{"suid", Kind::kAttribute, 0, MOUNT_ATTR_NOSUID},
    Option{"symfollow", Kind::kAttribute, 0, MOUNT_ATTR_NOSYMFOLLOW},
    Option{"sync", Kind::kFilesystem},
    Option{"unbindable", Kind::kPropagation, MS_UNBINDABLE},
    // "SHOULD": extensions of runtimes
    Option{"tmpcopyup", Kind::kCopyUp},
    Option{"idmap", Kind::kIdmap},
    Option{"ridmap", Kind::kRecursiveIdmap},
};

// A later option undoes what an earlier one said about the same bits.
void apply(const Option& option, uint64_t& set, uint64_t& clear) {
  set = (set & ~option.clear) | option.set;
  clear = (clear & ~option.set) | option.clear;
  // Access times are one value of three bits, not flags: clearing the group goes with setting it.
  if ((option.clear & kAtime) != 0) clear |= kAtime;
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions parsed;
  for (const std::string& text : options) {
    const auto* option = std::find_if(kOptions.begin(), kOptions.end(),
                                      [&](const Option& known) { return known.name == text; });
    if (option == kOptions.end()) {
      if (!text.empty()) parsed.data.push_back(text);
      continue;
    }
    switch (option->kind) {
      case Kind::kAttribute: apply(*option, parsed.set, parsed.clear); break;
      case Kind::kRecursiveAttribute:
        apply(*option, parsed.recursive_set, parsed.recursive_clear);
        break;
      case Kind::kPropagation:
      case Kind::kRecursivePropagation:
        parsed.propagation.push_back({option->set, option->kind == Kind::kRecursivePropagation});
        break;
      case Kind::kFilesystem: parsed.data.push_back(text); break;
      case Kind::kBind: parsed.bind = true; break;
      case Kind::kRecursiveBind: parsed.bind = parsed.recursive_bind = true; break;
      case Kind::kRemount: parsed.remount = true; break;
      case Kind::kCopyUp: parsed.copy_up = true; break;
      case Kind::kIdmap: parsed.idmap = true; break;
      case Kind::kRecursiveIdmap: parsed.idmap = parsed.recursive_idmap = true; break;
      case Kind::kNothing: break;
    }
  }
  return parsed;
}

std::vector<std::string_view> known_mount_options() {
  std::vector<std::string_view> names;
  for (const Option& option : kOptions) names.push_back(option.name);
  return names;
}

}  // namespace srt::platform
