#include "oci/version.h"

#include <catch2/catch.hpp>

namespace srt::oci {
namespace {

TEST_CASE("a semantic version has three numbers, a prerelease and a build") {
  const std::optional<Version> version = parse_version("1.20.3-rc.1-x+build.007");
  REQUIRE(version);
  CHECK(version->major == 1);
  CHECK(version->minor == 20);
  CHECK(version->patch == 3);
  CHECK(version->prerelease == "rc.1-x");
  CHECK(version->build == "build.007");
  CHECK(parse_version("0.0.0"));
  CHECK(parse_version("1.0.0-0a"));
  CHECK(parse_version("1.0.0+0"));
}

TEST_CASE("what semver does not allow is no version") {
  for (const char* text :
       {"",          "1",         "1.0",    "1.0.",   "1.0.0.0",        "v1.0.0",     " 1.0.0",
        "1.0.0 ",    "01.0.0",    "1.00.0", "1.0.0-", "1.0.0+",         "1.0.0-a..b", "1.0.0-01",
        "1.0.0-a_b", "1.0.0+a+b", "-1.0.0", "+1.0.0", "1.0.4294967296", "1.0.x"}) {
    INFO(text);
    CHECK_FALSE(parse_version(text));
  }
}

}  // namespace
}  // namespace srt::oci
