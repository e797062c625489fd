#include "runtime/container_id.h"

#include <catch2/catch.hpp>

using srt::runtime::ContainerId;

TEST_CASE("an id is made of the letters that engines use") {
  for (std::string good : {"a", "web", "0", "a.b", "..a", "...", "_+.-", "A-Z_0+9"}) {
    CAPTURE(good);
    CHECK(ContainerId::parse(good));
  }
  for (std::string bad : {"", ".", "..", "a/b", "../x", "a b", "a\n", "a@b", "ä"}) {
    CAPTURE(bad);
    CHECK_FALSE(ContainerId::parse(bad));
  }
  CHECK_FALSE(ContainerId::parse(std::string_view("a\0b", 3)));
  CHECK(ContainerId::parse("a/b").error().why ==
        "invalid container ID format: invalid character \"/\"");
}

TEST_CASE("an id may have 1024 bytes, and its folder still has a name the kernel takes") {
  CHECK(ContainerId::parse(std::string(1024, 'x')));
  CHECK_FALSE(ContainerId::parse(std::string(1025, 'x')));
  CHECK(ContainerId::parse(std::string(255, 'x'))->folder() == std::string(255, 'x'));
  std::string a = ContainerId::parse(std::string(256, 'x'))->folder();
  std::string b = ContainerId::parse(std::string(255, 'x') + "y")->folder();
  CHECK(a.size() <= 255);
  CHECK(a != b);
  // No other id can have this name.
  CHECK_FALSE(ContainerId::parse(a));
}

TEST_CASE("a made-up id is the folder's name and six hex digits") {
  auto id = srt::runtime::made_up_id("/srv/my bundle/");
  REQUIRE(id);
  CHECK(id->str().substr(0, 10) == "my_bundle-");
  CHECK(id->str().size() == 16);
  CHECK(id->str().find_first_not_of("0123456789abcdef", 10) == std::string::npos);
  CHECK(srt::runtime::made_up_id("/")->str().starts_with("container-"));
  CHECK(srt::runtime::made_up_id("x")->str() != srt::runtime::made_up_id("x")->str());
}
