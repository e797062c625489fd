#include "runtime/filesystem_rules.h"

#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/broker_rules.h"
#include "runtime/filesystem_mounts.h"
#include "tests/runtime/temp_dir.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

namespace fs = std::filesystem;

constexpr PathList kDenyRead = PathList::kDenyRead;
constexpr PathList kAllowRead = PathList::kAllowRead;
constexpr PathList kAllowWrite = PathList::kAllowWrite;
constexpr PathList kDenyWrite = PathList::kDenyWrite;

// A home with a project in it; the rules are one user's unless a second layer is begun.
struct Scene {
  Scene() {
    root = fs::canonical(dir.path()).string();
    for (const char* folder : {"home/project/src/deep", "home/.ssh", "home/other", "etc"}) {
      fs::create_directories(root + "/" + folder);
    }
    for (const char* file :
         {"home/.ssh/id", "home/project/.env", "home/project/src/.env", "home/project/src/a.c",
          "home/project/src/[id].tsx", "home/project/src/i.tsx", "etc/passwd"}) {
      std::ofstream(root + "/" + file) << file;
    }
    layers.push_back({"~/.srt-settings.json", true, false, {}});
  }
  Scene& rule(PathList list, const std::string& path, bool literal = false) {
    layers.back().rules.push_back({list, {path, literal}, layers.back().origin});
    return *this;
  }
  Scene& layer(const std::string& origin, bool limits_writes, bool narrows_only) {
    layers.push_back({origin, limits_writes, narrows_only, {}});
    return *this;
  }
  void link(const std::string& target, const std::string& place) {
    fs::create_symlink(target, root + "/" + place);
  }
  Result<FilesystemRules> result() {
    return filesystem_rules(layers, root + "/home/project", root + "/home");
  }
  FilesystemRules rules() {
    auto rules = result();
    INFO((rules ? std::string() : to_string(rules.error())));
    REQUIRE(rules);
    return *rules;
  }
  // "rw", "r-", "--"
  std::string access(const std::string& path) {
    const Access access = rules().access(root + "/" + path);
    return std::string(access.read ? "r" : "-") + (access.write ? "w" : "-");
  }
  std::string error() {
    const auto rules = result();
    return rules ? std::string() : to_string(rules.error());
  }

  test::TempDir dir;
  std::string root;
  std::vector<WrittenLayer> layers;
};

}  // namespace

TEST_CASE("without rules everything can be read and nothing written") {
  Scene scene;
  CHECK(scene.access("home/project/src/a.c") == "r-");
  CHECK(scene.access("home/.ssh/id") == "r-");
  scene.layers.clear();
  CHECK(scene.access("home/project") == "r-");
}

TEST_CASE("paths are relative to the working directory, and ~ is the home folder") {
  for (const char* path : {".", "./", "./**", "**", "~/project", "~/project/", "~/project/**",
                           "../project", "src/..", "./src/../../project/."}) {
    INFO(path);
    Scene scene;
    scene.rule(kAllowWrite, path);
    CHECK(scene.access("home/project/src/a.c") == "rw");
    CHECK(scene.access("home/project") == "rw");
    CHECK(scene.access("home/other") == "r-");
  }
  Scene scene;
  scene.rule(kAllowWrite, "~");
  CHECK(scene.access("home/other") == "rw");
  CHECK(scene.access("etc") == "r-");
}

TEST_CASE("a name that begins with ~ is a name, but for ~ itself") {
  Scene scene;
  scene.rule(kAllowWrite, ".").rule(kDenyWrite, "~$a.docx").rule(kDenyRead, "~1/x");
  CHECK(scene.access("home/project/~$a.docx") == "r-");
  CHECK(scene.access("home/project/~1/x") == "--");
  Scene open;
  open.rule(kAllowWrite, "~root/x");
  CHECK(open.access("home/project/~root/x") == "rw");
  CHECK(open.access("home/project/a") == "r-");
}

TEST_CASE("a folder whose name looks like a pattern is also the folder in front of the rest") {
  Scene scene;
  fs::create_directories(scene.root + "/home/project/[WIP] x/sub");
  fs::create_directories(scene.root + "/home/project/W x");
  scene.rule(kAllowWrite, ".")
      .rule(kDenyWrite, "[WIP] x/**/*.env")
      .rule(kDenyRead, "[WIP] x/*.key");
  CHECK(scene.access("home/project/[WIP] x/sub/a.env") == "r-");
  CHECK(scene.access("home/project/[WIP] x/a.env") == "r-");
  CHECK(scene.access("home/project/[WIP] x/a.key") == "--");
  CHECK(scene.access("home/project/W x/a.env") == "r-");  // the pattern that it is as well
  CHECK(scene.access("home/project/[WIP] x/a.c") == "rw");
  CHECK(scene.access("home/project/a.env") == "rw");
}

TEST_CASE("a link whose name looks like a pattern opens nothing behind it") {
  Scene scene;
  scene.link("../../etc", "home/project/[e]");
  scene.rule(kAllowWrite, "[e]/p*");
  CHECK(scene.access("etc/passwd") == "r-");
  Scene denied;
  denied.link("../../etc", "home/project/[e]");
  denied.rule(kDenyRead, "[e]/p*");
  CHECK(denied.access("etc/passwd") == "--");
}

TEST_CASE("a path that cannot be understood is an error, not a rule that is missing") {
  for (const char* path : {"~root", "~root/x", "~a.b-c_1/x"}) {
    CHECK_THAT(Scene().rule(kDenyRead, path).error(), Catch::Contains("only \"~/\" is expanded"));
    CHECK_THAT(Scene().rule(kDenyWrite, path).error(),
               Catch::Contains("\"./" + std::string(path) + "\""));
  }
  CHECK_THAT(Scene().rule(kDenyRead, "*/../x").error(), Catch::Contains("behind a pattern"));
  CHECK_THAT(Scene().rule(kDenyRead, std::string(5000, 'x')).error(),
             Catch::Contains("is not a path"));
  Scene homeless;
  homeless.rule(kDenyRead, "~/.ssh");
  const auto rules = filesystem_rules(homeless.layers, homeless.root, "");
  REQUIRE_FALSE(rules);
  CHECK_THAT(to_string(rules.error()), Catch::Contains("there is no home folder"));
}

TEST_CASE("the more specific entry wins, and a tie goes to deny") {
  Scene scene;
  scene.rule(kDenyRead, "~").rule(kAllowRead, "~/project").rule(kDenyRead, "~/project/src");
  scene.rule(kAllowRead, "~/project/src/deep");
  CHECK(scene.access("home/other") == "--");
  CHECK(scene.access("home/project/.env") == "r-");
  CHECK(scene.access("home/project/src/a.c") == "--");
  CHECK(scene.access("home/project/src/deep/x") == "r-");
  CHECK(scene.access("etc/passwd") == "r-");
  scene.rule(kDenyRead, "src/deep");
  CHECK(scene.access("home/project/src/deep/x") == "--");
  SECTION("also between names of which one begins the other") {
    CHECK(scene.rule(kDenyRead, scene.root + "/et").access("etc/passwd") == "r-");
  }
}

TEST_CASE("denyWrite always wins, however little of the path it names") {
  Scene scene;
  scene.rule(kDenyWrite, "~").rule(kAllowWrite, ".").rule(kAllowWrite, "src/a.c");
  CHECK(scene.access("home/project/src/a.c") == "r-");
}

TEST_CASE("allowWrite opens for reading, too, and what may not be read may not be written") {
  Scene scene;
  scene.rule(kDenyRead, "~").rule(kAllowWrite, ".");
  CHECK(scene.access("home/project/src/a.c") == "rw");
  CHECK(scene.access("home/other") == "--");
  scene.rule(kDenyRead, ".");
  CHECK(scene.access("home/project/src/a.c") == "--");
}

TEST_CASE("patterns hold for what they match and what lies below") {
  Scene scene;
  scene.rule(kAllowWrite, ".").rule(kDenyRead, "**/.env").rule(kDenyWrite, "src/*.c");
  CHECK(scene.access("home/project/.env") == "--");
  CHECK(scene.access("home/project/src/.env") == "--");
  CHECK(scene.access("home/project/later/.env/x") == "--");
  CHECK(scene.access("home/project/src/a.c") == "r-");
  CHECK(scene.access("home/project/src/later.c") == "r-");
  CHECK(scene.access("home/project/src/deep/a.c") == "rw");
  CHECK(scene.access("home/.env") == "r-");
}

TEST_CASE("an entry that looks like a pattern and exists is read both ways") {
  Scene scene;
  scene.rule(kAllowWrite, ".").rule(kDenyWrite, "src/[id].tsx");
  CHECK(scene.access("home/project/src/[id].tsx") == "r-");
  CHECK(scene.access("home/project/src/i.tsx") == "r-");
  CHECK(scene.access("home/project/src/x.tsx") == "rw");
  SECTION("unless it says that it is none") {
    Scene literal;
    literal.rule(kAllowWrite, ".").rule(kDenyWrite, "src/[id].tsx", true);
    CHECK(literal.access("home/project/src/[id].tsx") == "r-");
    CHECK(literal.access("home/project/src/i.tsx") == "rw");
  }
}

TEST_CASE("a place is found behind one that is not there") {
  Scene scene;
  scene.rule(kDenyRead, "missing/../.env").rule(kDenyRead, "missing/x/../../src");
  const FilesystemRules rules = scene.rules();
  const auto& found = rules.layers.back().rules;
  REQUIRE(found.size() == 2);
  CHECK(found[0].path == scene.root + "/home/project/.env");
  CHECK((found[0].exists && !found[0].is_directory));
  CHECK(found[1].path == scene.root + "/home/project/src");
  CHECK((found[1].exists && found[1].is_directory));
  CHECK(scene.access("home/project/.env") == "--");
}

TEST_CASE("links that lead to each other lead nowhere") {
  Scene scene;
  scene.link("b", "home/project/a");
  scene.link("a", "home/project/b");
  scene.rule(kDenyRead, "a").rule(kDenyRead, "b/x");
  const FilesystemRules rules = scene.rules();
  for (const PathRule& rule : rules.layers.back().rules) CHECK_FALSE(rule.exists);
}

TEST_CASE("links are judged by where they lead, and their place is not forgotten") {
  Scene scene;
  scene.link("../.ssh", "home/project/keys");
  scene.rule(kDenyRead, "keys");
  CHECK(scene.access("home/.ssh/id") == "--");
  SECTION("in patterns as well") {
    Scene other;
    other.link("../.ssh", "home/project/keys");
    other.rule(kDenyRead, "keys/*");
    CHECK(other.access("home/.ssh/id") == "--");
  }
  SECTION("denyWrite holds for the link itself") {
    Scene other;
    other.link("../other", "home/project/.claude");
    other.rule(kAllowWrite, ".").rule(kDenyWrite, ".claude");
    CHECK(other.access("home/project/.claude") == "r-");
    CHECK(other.access("home/other/x") == "r-");
    const BrokerRules left = broker_rules(other.rules());
    REQUIRE(left.deny_write.size() == 1);
    CHECK(left.deny_write[0].links ==
          std::vector<std::string>{other.root + "/home/project/.claude"});
  }
  SECTION("a link that leads nowhere stands for the place that it names") {
    Scene other;
    other.link("../.ssh/later", "home/project/key");
    other.rule(kDenyRead, "key");
    CHECK(other.access("home/.ssh/later") == "--");
  }
}

TEST_CASE("a link that an earlier run may have made opens nothing") {
  Scene scene;
  scene.link("../.ssh", "home/project/build");
  scene.rule(kAllowWrite, ".").rule(kAllowWrite, "build");
  CHECK(scene.access("home/.ssh/id") == "r-");
  CHECK_THAT(scene.rules().notes.at(0),
             Catch::Contains("is a symbolic link that a command may have made"));
  SECTION("nor one that an earlier command may have made, under other rules") {
    Scene other;
    other.link("other", "home/work");
    other.rule(kAllowWrite, "~/work");
    CHECK(other.access("home/other/x") == "r-");
    CHECK(other.rules().notes.size() == 1);
  }
  SECTION("one of the system's does") {
    char target[PATH_MAX];
    if (readlink("/var/run", target, sizeof target) < 0) {
      WARN("skipped: /var/run is no link on this machine");
    } else {
      Scene other;
      other.rule(kAllowWrite, "/var/run");
      CHECK(other.rules().access("/run").write);
      CHECK(other.rules().notes.empty());
    }
  }
  SECTION("and one that leads to what is open anyway") {
    Scene other;
    other.link("src", "home/project/build");
    other.rule(kAllowWrite, ".").rule(kAllowWrite, "build");
    CHECK(other.access("home/project/src/a.c") == "rw");
    CHECK(other.rules().notes.empty());
  }
}

TEST_CASE("every layer has to agree") {
  Scene scene;
  scene.rule(kAllowWrite, ".").rule(kDenyRead, "~/.ssh");
  SECTION("a project that lists what may be written narrows that") {
    scene.layer("project", true, true).rule(kAllowWrite, "src").rule(kAllowWrite, "~/other");
    scene.rule(kAllowRead, "~/.ssh");
    CHECK(scene.access("home/project/src/a.c") == "rw");
    CHECK(scene.access("home/project/.env") == "r-");
    CHECK(scene.access("home/other") == "r-");
    CHECK(scene.access("home/.ssh/id") == "--");
  }
  SECTION("one that only denies leaves the rest alone") {
    scene.layer("project", false, true).rule(kDenyRead, ".env").rule(kDenyWrite, "src/a.c");
    CHECK(scene.access("home/project/src/deep") == "rw");
    CHECK(scene.access("home/project/src/a.c") == "r-");
    CHECK(scene.access("home/project/.env") == "--");
  }
  SECTION("and the rule that decided is told") {
    scene.layer("project", true, true).rule(kAllowWrite, "src");
    const FilesystemRules rules = scene.rules();
    CHECK(rules.access(scene.root + "/home/.ssh/id").read_rule->origin == "~/.srt-settings.json");
    CHECK(rules.access(scene.root + "/home/project/.env").write_rule == nullptr);
    CHECK(rules.access(scene.root + "/home/project/src").write_rule->written == "src");
  }
}

TEST_CASE("files that may be read but never are not searched for where writing is ruled") {
  Scene scene;
  scene.rule(kAllowWrite, ".").rule(kDenyWrite, "**/*.lock").rule(kDenyWrite, "later");
  const BrokerRules left = broker_rules(scene.rules());
  CHECK(left.write_roots == std::vector<std::string>{scene.root + "/home/project"});
  REQUIRE(left.deny_write.size() == 2);
  CHECK(left.deny_write[0].pattern->text() == scene.root + "/home/project/**/*.lock");
  CHECK(left.deny_write[1].path == scene.root + "/home/project/later");
}
