#include "runtime/filesystem_mounts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/runtime/temp_dir.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

namespace fs = std::filesystem;

struct Scene {
  Scene() {
    root = fs::canonical(dir.path()).string();
    places.tmpdir = root + "/private";
    places.unreadable_file = root + "/unreadable";
    places.uid = geteuid();
    make("private/");
    make("unreadable");
    make("home/project/src/a.c");
    make("home/project/.env");
    make("home/.ssh/id");
    layer.origin = "test";
  }
  void make(const std::string& path) {
    fs::create_directories(fs::path(root + "/" + path).parent_path());
    if (!path.ends_with('/')) std::ofstream(root + "/" + path) << "x";
  }
  Scene& rule(PathList list, const std::string& path) {
    layer.rules.push_back({list, {path, false}, "test"});
    return *this;
  }
  Result<FilesystemMounts> result() {
    auto rules = filesystem_rules({layer}, root + "/home/project", root + "/home");
    REQUIRE(rules);
    return filesystem_mounts(*rules, places);
  }
  // "rw home/project", "ro …", "empty …", "unreadable …": what the rules add, in order.
  std::vector<std::string> mounts() {
    auto built = result();
    INFO((built ? std::string() : to_string(built.error())));
    REQUIRE(built);
    notes = built->notes;
    std::vector<std::string> out;
    for (const oci::Mount& mount : *built_mounts(*built)) {
      if (!mount.destination.starts_with(root) || mount.destination == places.tmpdir) continue;
      const std::string place = mount.destination.substr(root.size() + 1);
      const auto& options = *mount.options;
      const bool writable = std::find(options.begin(), options.end(), "rw") != options.end();
      if (mount.type == "tmpfs") {
        CHECK_FALSE(writable);
        out.push_back("empty " + place);
      } else if (mount.source == places.unreadable_file) {
        out.push_back("unreadable " + place);
      } else {
        const bool same = mount.source == mount.destination;
        out.push_back((writable ? "rw " : "ro ") + place + (same ? "" : " from " + *mount.source));
      }
    }
    return out;
  }
  static const std::vector<oci::Mount>* built_mounts(const FilesystemMounts& built) {
    return &built.mounts;
  }

  test::TempDir dir;
  std::string root;
  MountPlaces places;
  WrittenLayer layer;
  std::vector<std::string> notes;
};

using Mounts = std::vector<std::string>;

}  // namespace

TEST_CASE("only what differs from its surroundings is mounted, parents first") {
  Scene scene;
  CHECK(scene.mounts().empty());
  scene.rule(PathList::kAllowWrite, ".").rule(PathList::kAllowWrite, "src");
  scene.rule(PathList::kAllowRead, "src");
  CHECK(scene.mounts() == Mounts{"rw home/project"});
  scene.rule(PathList::kDenyWrite, "src").rule(PathList::kDenyRead, ".env");
  CHECK(scene.mounts() ==
        Mounts{"rw home/project", "unreadable home/project/.env", "ro home/project/src"});
}

TEST_CASE("what is opened in a denied folder is mounted on the empty one") {
  Scene scene;
  scene.rule(PathList::kDenyRead, "~").rule(PathList::kAllowRead, "src");
  CHECK(scene.mounts() == Mounts{"empty home", "empty home/project", "ro home/project/src"});
  scene.rule(PathList::kAllowWrite, ".");
  CHECK(scene.mounts() == Mounts{"empty home", "rw home/project"});
}

TEST_CASE("a denied parent does not move the working directory") {
  Scene scene;
  scene.rule(PathList::kDenyRead, "..");
  CHECK(scene.mounts() == Mounts{"empty home", "empty home/project"});
}

TEST_CASE("what does not exist is not made, and the user is told") {
  Scene scene;
  scene.rule(PathList::kAllowWrite, "later/out").rule(PathList::kDenyRead, "~/.aws");
  CHECK(scene.mounts().empty());
  REQUIRE(scene.notes.size() == 1);
  CHECK_THAT(scene.notes[0], Catch::Contains("later/out") && Catch::Contains("is not made"));
  CHECK_FALSE(fs::exists(scene.root + "/home/project/later"));
}

TEST_CASE("read patterns are what they match now, links being judged by where they lead") {
  Scene scene;
  scene.make("home/project/src/sub/.env");
  fs::create_symlink("../.ssh/id", scene.root + "/home/project/key.pem");
  scene.rule(PathList::kDenyRead, "**/.env").rule(PathList::kDenyRead, "*.pem");
  CHECK(scene.mounts() == Mounts{"unreadable home/.ssh/id", "unreadable home/project/.env",
                                 "unreadable home/project/src/sub/.env"});
}

TEST_CASE(
    "a read pattern goes on behind links to folders, and hides what is there under all names") {
  Scene scene;
  scene.make("store/deep/x.key");
  scene.make("store/y.key");
  scene.make("store/other");
  scene.make("home/project/src/a.key");
  const std::string project = scene.root + "/home/project";
  fs::create_directory_symlink(scene.root + "/store", project + "/shared");
  fs::create_directory_symlink("src", project + "/sources");
  // In circles, and into what has no end.
  fs::create_directory_symlink("..", project + "/src/up");
  fs::create_directory_symlink(project, scene.root + "/store/back");
  fs::create_directory_symlink("/proc/self", project + "/process");
  const Mounts all{"unreadable home/project/src/a.key", "unreadable store/deep/x.key",
                   "unreadable store/y.key"};
  SECTION("at any depth") {
    scene.rule(PathList::kDenyRead, "**/*.key");
    CHECK(scene.mounts() == all);
  }
  SECTION("at one") {
    scene.rule(PathList::kDenyRead, "*/*.key");
    CHECK(scene.mounts() == Mounts{all[0], all[2]});
  }
  SECTION("a whole folder") {
    scene.rule(PathList::kDenyRead, "**/deep");
    CHECK(scene.mounts() == Mounts{"empty store/deep"});
  }
  SECTION("but for the very place that a rule opens by its own name") {
    scene.rule(PathList::kDenyRead, "**/*.key");
    scene.rule(PathList::kAllowRead, scene.root + "/store/y.key");
    scene.rule(PathList::kAllowRead, scene.root + "/store");
    CHECK(scene.mounts() == Mounts{all[0], all[1]});
  }
  SECTION("a pattern that opens does not: a command may have made the link") {
    scene.rule(PathList::kAllowWrite, "**/*.key");
    CHECK(scene.mounts() == Mounts{"rw home/project/src/a.key"});
  }
}

TEST_CASE("in a denied folder, what is opened has the name that a link gave it") {
  Scene scene;
  scene.make("store/lib/a");
  fs::create_symlink("../store/lib", scene.root + "/home/lib");
  scene.rule(PathList::kDenyRead, "~").rule(PathList::kDenyRead, scene.root + "/store");
  scene.rule(PathList::kAllowRead, "~/lib");
  CHECK(scene.mounts() == Mounts{"empty home", "ro home/lib from " + scene.root + "/store/lib",
                                 "empty home/project", "empty store", "ro store/lib"});
}

TEST_CASE("a read pattern that would need too long a search is an error") {
  Scene scene;
  for (int i = 0; i < 1001; ++i) scene.make("home/project/many/" + std::to_string(i) + ".key");
  scene.rule(PathList::kDenyRead, "**/*.key");
  const auto built = scene.result();
  REQUIRE_FALSE(built);
  CHECK_THAT(to_string(built.error()), Catch::Contains("it would not hold"));
  SECTION("a write rule costs no search") {
    Scene other;
    for (int i = 0; i < 1001; ++i) other.make("home/project/many/" + std::to_string(i) + ".key");
    other.rule(PathList::kAllowWrite, ".").rule(PathList::kDenyWrite, "**/*.key");
    CHECK(other.mounts() == Mounts{"rw home/project"});
  }
}

TEST_CASE("the private folder is written whatever the rules") {
  Scene scene;
  scene.rule(PathList::kDenyRead, scene.root);
  const auto built = scene.result();
  REQUIRE(built);
  const auto at = std::find_if(built->mounts.begin(), built->mounts.end(), [&](const auto& mount) {
    return mount.destination == scene.places.tmpdir;
  });
  REQUIRE(at != built->mounts.end());
  CHECK(at->source == scene.places.tmpdir);
  CHECK(at->options->at(1) == "rw");
}

TEST_CASE("what is shown is pinned to what it was, and what is hidden to what it must not be") {
  Scene scene;
  scene.rule(PathList::kAllowWrite, ".").rule(PathList::kDenyRead, ".env");
  const auto built = scene.result();
  REQUIRE(built);
  const auto pin = [&](const std::string& path, bool hidden) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return platform::PinnedPlace{path, status.st_dev, status.st_ino, hidden};
  };
  const std::string project = scene.root + "/home/project";
  for (const auto& wanted : {pin(project, false), pin(project + "/.env", true)}) {
    INFO(wanted.path);
    CHECK(std::find(built->pinned.begin(), built->pinned.end(), wanted) != built->pinned.end());
  }
}

TEST_CASE("filesystem.disabled leaves the host's tree as it is") {
  Scene scene;
  auto rules = filesystem_rules({scene.layer}, "/", "");
  REQUIRE(rules);
  rules->disabled = true;
  const auto built = filesystem_mounts(*rules, scene.places);
  REQUIRE(built);
  CHECK_FALSE(built->root_readonly);
}
