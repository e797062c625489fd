#include "runtime/policy_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include <catch2/catch.hpp>

#include "tests/runtime/policy_scene.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT
using Scene = srt::test::PolicyScene;

TEST_CASE("a policy file that cannot be trusted or read is an error, never no policy") {
  Scene scene;
  const std::string file = scene.sources.operator_file;
  SECTION("others can write it") {
    scene.ceiling("");
    chmod(file.c_str(), GENERATE(0666, 0664));
    CHECK_THAT(scene.error(), Catch::Contains("can be written by others"));
  }
  SECTION("another user's") {
    scene.ceiling("");
    if (chown(file.c_str(), 12345, 12345) != 0) {
      WARN("skipped: needs CAP_CHOWN");
      return;
    }
    CHECK_THAT(scene.error(), Catch::Contains("belongs to user 12345"));
  }
  SECTION("a directory") {
    mkdir(file.c_str(), 0755);
    CHECK_THAT(scene.error(), Catch::Contains("is not a regular file"));
  }
  SECTION("a FIFO does not make us wait") {
    mkfifo(file.c_str(), 0600);
    CHECK_THAT(scene.error(), Catch::Contains("is not a regular file"));
  }
  SECTION("a link that leads nowhere") {
    REQUIRE(symlink("/nowhere/at/all", file.c_str()) == 0);
    CHECK_THAT(scene.error(), Catch::Contains("No such file"));
  }
  SECTION("too large") {
    scene.write("policy.json", std::string(kMaxSettings + 1, ' '));
    CHECK_THAT(scene.error(), Catch::Contains("is larger than"));
  }
  SECTION("empty") {
    scene.write("policy.json", "");
    CHECK_THAT(scene.error(), Catch::Contains("policy.json: is empty"));
  }
}
