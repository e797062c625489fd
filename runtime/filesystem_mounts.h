// Filesystem rules as the mounts of a host-passthrough spec (root.path "/").
//
//   SRT_ASSIGN(FilesystemMounts built, filesystem_mounts(policy.filesystem, places));
//   spec.root = oci::Root{"/", built.root_readonly};
//   bundle.pinned = built.pinned;
//   spec.mounts = built.mounts;         // parents come before what lies in them
//   spec.process->cwd = policy.filesystem.cwd;
//
// Every place that a rule names, or that a denyRead, allowRead or allowWrite pattern matches now, is asked
// of FilesystemRules::access(), and gets a mount where the answer differs from what is around it:
//
//   readable, written         bind                  a denied folder      an empty tmpfs, read-only
//   readable                  bind, read-only       a denied file        `unreadable_file` bound over it
//
// What is not there is not made: nothing appears on the host. What mounts cannot say, names that do
// not exist yet and denyWrite patterns, is in broker_rules.h.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/platform.h"
#include "runtime/filesystem_rules.h"
#include "runtime/mounted_names.h"

namespace srt::runtime {

// Of a container with a rootfs of its own, looked at from inside (runtime/file_rules.h).
struct ContainerTree {
  std::vector<std::string>
      kept;              // mounts of its own that stay as they are, unless they may not be read
  bool own_shm = false;  // its /dev/shm is to be one of its own
};

inline constexpr size_t kMostOpened =
    100'000;  // entries that are searched for what a pattern opens

struct MountPlaces {
  std::string tmpdir;  // of this run: absolute, resolved, exists, 0700; written whatever the rules.
                       // Empty: the caller mounts one itself
  std::string unreadable_file;              // absolute, resolved: a regular file with mode 000
  uid_t uid = 0;                            // the caller's, for /run/user/UID
  uint64_t shm_bytes = uint64_t{64} << 20;  // size of /dev/shm
  // enableWeakerNestedSandbox: where the kernel refuses a new procfs (in a container whose own is partly
  // covered), the outer one is shown.
  bool outer_procfs = false;
  HostMounts mounts;                       // the host's, by which a path has other names
  std::vector<std::string> hidden;         // sockets of the host, besides those that always are
  std::optional<ContainerTree> container;  // then nothing is added that the rules do not ask for
};

struct FilesystemMounts {
  bool root_readonly = true;
  std::vector<oci::Mount> mounts;
  std::vector<platform::PinnedPlace> pinned;  // for platform::Bundle::pinned
  std::vector<std::string> kept;              // of ContainerTree::kept
  std::vector<std::string> notes;
};

// The error: a denyRead pattern whose folder is too large to be searched.
Result<FilesystemMounts> filesystem_mounts(const FilesystemRules& rules, const MountPlaces& places);

}  // namespace srt::runtime
