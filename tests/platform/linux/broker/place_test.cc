#include "platform/linux/broker/place.h"

#include <fcntl.h>

#include <string>

#include <catch2/catch.hpp>

namespace srt::platform {
namespace {

// One taken for the other would be judged by a folder that it is not in.
TEST_CASE("only names that are spelled in one folder are beside each other") {
  struct {
    int one_folder;
    std::string one;
    int other_folder;
    std::string other;
    bool beside;
  } cases[] = {
      {AT_FDCWD, "a", AT_FDCWD, "b", true},
      {AT_FDCWD, "d/a", AT_FDCWD, "d/b/", true},
      {AT_FDCWD, "/w/a", AT_FDCWD, "/w/b", true},
      {3, "/w/a", 4, "/w/b", true},
      {AT_FDCWD, "/a", AT_FDCWD, "/b", true},
      {3, "a", 3, "b", true},
      {3, "a", 4, "b", false},
      {AT_FDCWD, "a", 3, "b", false},
      {AT_FDCWD, "d/a", AT_FDCWD, "e/b", false},
      {AT_FDCWD, "a", AT_FDCWD, "d/b", false},
      {AT_FDCWD, "a", AT_FDCWD, "/b", false},
      {AT_FDCWD, "/a", AT_FDCWD, "b", false},
      {AT_FDCWD, "d/a", AT_FDCWD, "d//b", false},
      {AT_FDCWD, "", AT_FDCWD, "b", false},
      {AT_FDCWD, "/", AT_FDCWD, "/b", false},
      {AT_FDCWD, "//", AT_FDCWD, "//", false},
  };
  for (const auto& c : cases) {
    INFO(c.one_folder << " " << c.one << " and " << c.other_folder << " " << c.other);
    CHECK(Paths::are_beside({c.one_folder, 0}, c.one, {c.other_folder, 0}, c.other) == c.beside);
  }
}

}  // namespace
}  // namespace srt::platform
