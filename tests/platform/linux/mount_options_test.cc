#include "platform/linux/mount_options.h"

#include <sys/mount.h>

#include <catch2/catch.hpp>

namespace srt::platform {
namespace {

TEST_CASE("A later mount option undoes an earlier one") {
  MountOptions options = parse_mount_options({"ro", "nosuid", "rw", "suid"});
  CHECK(options.set == 0);
  CHECK(options.clear == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID));
  options = parse_mount_options({"rw", "ro"});
  CHECK(options.set == MOUNT_ATTR_RDONLY);
  CHECK(options.clear == 0);
}

TEST_CASE("Access times are one value: setting one clears the whole group") {
  for (const char* name : {"noatime", "strictatime", "relatime", "atime"}) {
    MountOptions options = parse_mount_options({"noatime", name});
    CHECK(options.clear == MOUNT_ATTR__ATIME);
    CHECK((options.set & ~MOUNT_ATTR__ATIME) == 0);
  }
  CHECK(parse_mount_options({"noatime", "strictatime"}).set == MOUNT_ATTR_STRICTATIME);
}

TEST_CASE("Recursive options are kept apart from those of the mount itself") {
  MountOptions options = parse_mount_options({"rro", "nodev", "rnoexec"});
  CHECK(options.set == MOUNT_ATTR_NODEV);
  CHECK(options.recursive_set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC));
}

TEST_CASE("Propagation is applied in the order given") {
  MountOptions options = parse_mount_options({"rslave", "shared"});
  REQUIRE(options.propagation.size() == 2);
  CHECK(options.propagation[0] == init::Propagation{MS_SLAVE, true});
  CHECK(options.propagation[1] == init::Propagation{MS_SHARED, false});
}

TEST_CASE("What is not in the table is the filesystem's own") {
  MountOptions options = parse_mount_options({"rbind", "size=64m", "mode=755", "", "sync"});
  CHECK(options.bind);
  CHECK(options.recursive_bind);
  CHECK(options.data == std::vector<std::string>{"size=64m", "mode=755", "sync"});
}

TEST_CASE("Every mount option of the specification is known") {
  for (const char* name :
       {"async",        "atime",      "bind",        "defaults",       "dev",
        "diratime",     "dirsync",    "exec",        "iversion",       "lazytime",
        "loud",         "noatime",    "nodev",       "nodiratime",     "noexec",
        "noiversion",   "nolazytime", "norelatime",  "nostrictatime",  "nosuid",
        "private",      "rbind",      "relatime",    "remount",        "ro",
        "rprivate",     "rshared",    "rslave",      "runbindable",    "rw",
        "shared",       "silent",     "slave",       "strictatime",    "suid",
        "sync",         "unbindable", "mand",        "nomand",         "nosymfollow",
        "ratime",       "rdev",       "rdiratime",   "rexec",          "rnoatime",
        "rnodiratime",  "rnoexec",    "rnorelatime", "rnostrictatime", "rnosuid",
        "rnosymfollow", "rro",        "rrw",         "rstrictatime",   "rsuid",
        "rsymfollow",   "symfollow",  "tmpcopyup",   "idmap",          "ridmap"}) {
    INFO(name);
    MountOptions options = parse_mount_options({name});
    CHECK((options.data.empty() || options.data.front() == name));
    std::vector<std::string_view> known = known_mount_options();
    CHECK(std::find(known.begin(), known.end(), name) != known.end());
  }
}

}  // namespace
}  // namespace srt::platform
