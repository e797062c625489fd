#include "runtime/mounted_names.h"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "tests/runtime/temp_dir.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr const char* kTable =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
    "43 27 254:0 /srv/a\\040b /mnt/x\\134y rw shared:2 master:7 - ext4 /dev/vda rw\n"
    "44 27 0:22 / /sys rw - sysfs sysfs rw\n"
    "45 27 0:23 / /jail/proc rw - proc none rw\n"
    "half of a line";

}  // namespace

TEST_CASE("a line of mountinfo is a mount, whatever stands in its names") {
  const HostMounts mounts = platform::parse_mountinfo(kTable);
  REQUIRE(mounts.size() == 5);
  CHECK(mounts[1] == platform::HostMount{"/", "/", "254:0", "ext4", true});
  CHECK(mounts[2] == platform::HostMount{"/mnt/x\\y", "/srv/a b", "254:0", "ext4", true});
  CHECK_FALSE(mounts[0].receives);
  CHECK(platform::parse_mountinfo("").empty());
}

TEST_CASE("other lists of processes, and what of the mounts is the kernel's") {
  const HostMounts mounts = platform::parse_mountinfo(kTable);
  CHECK(other_process_lists(mounts) == Names{"/jail/proc"});
  CHECK(kernel_interfaces(mounts) == Names{"/sys"});
}

// Names of one file stand for a mount of the folder around it, which takes root.
TEST_CASE("what is mounted a second time has another name, from above and from below") {
  test::TempDir dir;
  const std::string root = fs::canonical(dir.path()).string();
  for (const char* folder : {"/home/u", "/other", "/elsewhere"}) {
    fs::create_directories(root + folder);
  }
  std::ofstream(root + "/home/u/key") << "x";
  fs::create_hard_link(root + "/home/u/key", root + "/other/key");
  fs::create_hard_link(root + "/home/u/key", root + "/alone");
  std::ofstream(root + "/elsewhere/key") << "another file, which covers that name";
  const HostMounts mounts = {{root, "/", "8:1", "ext4"},
                             {root + "/other", "/home/u", "8:1", "ext4"},
                             {root + "/elsewhere", "/home/u", "8:1", "ext4"},
                             {root + "/alone", "/home/u/key", "8:1", "ext4"},
                             {root + "/foreign", "/home/u", "8:2", "ext4"}};
  CHECK(other_names(root + "/home/u/key", mounts) == Names{root + "/other/key", root + "/alone"});
  CHECK(other_names(root + "/other/key", mounts) == Names{root + "/home/u/key", root + "/alone"});
  CHECK(other_names(root + "/home/u", mounts) == Names{root + "/alone"});
  CHECK(other_names(root + "/elsewhere/none", mounts).empty());
  CHECK(other_names("/", mounts).empty());
}
