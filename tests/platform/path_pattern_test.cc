#include "platform/path_pattern.h"

#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

namespace srt::platform {
namespace {

TEST_CASE("a glob matches within one component") {
  CHECK(glob_matches("*", "anything"));
  CHECK(glob_matches("*.c", "a.c"));
  CHECK_FALSE(glob_matches("*.c", "a.cc"));
  CHECK(glob_matches("a*b*c", "aXbYbZc"));
  CHECK(glob_matches("?x", "ax"));
  CHECK_FALSE(glob_matches("?", ""));
  CHECK(glob_matches("[abc]1", "b1"));
  CHECK(glob_matches("[a-c]", "b"));
  CHECK(glob_matches("[!a-c]", "!"));
  CHECK_FALSE(glob_matches("[!a-c]", "d"));
  CHECK(glob_matches("[]]", "[]]"));
  CHECK(glob_matches("[[]x", "[x"));
  CHECK(glob_matches("[user-id]", "[user-id]"));
  CHECK_FALSE(glob_matches("[user-id]", "u"));
  CHECK(glob_matches("[a", "[a"));
  CHECK_FALSE(glob_matches("[abc]", "d"));
  CHECK(glob_matches("settings*.json", "settings.json"));
  CHECK(glob_matches("", ""));
}

TEST_CASE("a glob counts characters, not bytes") {
  CHECK(glob_matches("?", "é"));
  CHECK_FALSE(glob_matches("??", "é"));
  CHECK_FALSE(glob_matches("*??", "é"));
  CHECK(glob_matches("*?", "é"));
  CHECK(glob_matches("?", "\xff"));
  CHECK(glob_matches("[é]x", "éx"));
  CHECK_FALSE(glob_matches("[é]x", "\xc3x"));
  CHECK(glob_matches("[à-ü]", "é"));
  CHECK_FALSE(glob_matches("[a-z]", "é"));
  CHECK(glob_matches("[ü-à]", "[ü-à]"));
  CHECK(glob_matches("*é", "aéé"));
}

TEST_CASE("a hostile name costs nothing") {
  CHECK_FALSE(glob_matches(std::string(200, '*') + "b", std::string(255, 'a')));
  const auto pattern = PathPattern::parse("/**/a/**/a/**/a/**/a/**/b");
  REQUIRE(pattern);
  std::string path;
  for (int i = 0; i < 2000; ++i) path += "/a";
  CHECK_FALSE(pattern->match(components(path)).complete);
}

TEST_CASE("a pattern matches at and below its path") {
  struct {
    const char *pattern, *path;
    bool complete;
  } cases[] = {
      {"/w/a", "/w/a", true},
      {"/w/a", "/w/a/b/c", true},
      {"/w/a", "/w/ab", false},
      {"/w/a", "/w", false},
      {"/w/*", "/w/x", true},
      {"/w/*/c", "/w/x/c", true},
      {"/w/*/c", "/w/x/y/c", false},
      {"/w/**/c", "/w/c", true},
      {"/w/**/c", "/w/x/y/c", true},
      {"/w/**", "/w", true},
      {"/w/**/", "/w/x", true},
      {"**/.git/hooks", "/.git/hooks", true},
      {"**/.git/hooks", "/a/.git/hooks/x", true},
      {"/", "/anything", true},
  };
  for (const auto& one : cases) {
    CAPTURE(one.pattern, one.path);
    const auto pattern = PathPattern::parse(one.pattern);
    REQUIRE(pattern);
    CHECK(pattern->match(components(one.path)).complete == one.complete);
  }
}

TEST_CASE("a double star beside other text stands for slashes too") {
  struct {
    const char *glob, *path;
    bool matches;
  } cases[] = {
      {"/w/a**b", "/w/ab", true},       {"/w/a**b", "/w/axb", true},
      {"/w/a**b", "/w/a/x/yb", true},   {"/w/a**b", "/w/xab", false},
      {"/w/**.pem", "/w/k.pem", true},  {"/w/**.pem", "/w/d/e/k.pem", true},
      {"/w/**.pem", "/w/k.pe", false},  {"/w/a**/b", "/w/a/b", true},
      {"/w/a**/b", "/w/ax/y/b", true},  {"/w/a**/b", "/w/ab", true},
      {"/w/[**]/b", "/w/*/b", true},    {"/w/[**]/b", "/w/x/b", false},
      {"/w/a**b**c", "/w/a/b/c", true}, {"/w/a**b**c", "/w/a/c", false},
      {"/w/**/c", "/w/x/y/c", true},
  };
  for (const auto& one : cases) {
    CAPTURE(one.glob, one.path);
    const auto patterns = spread(one.glob);
    REQUIRE(patterns);
    const bool matches =
        std::any_of(patterns->begin(), patterns->end(), [&](const std::string& text) {
          return PathPattern::parse(text)->match(components(one.path)).complete;
        });
    CHECK(matches == one.matches);
  }
  std::string many = "/w/a";
  for (int i = 0; i < 20; ++i) many += "**a";
  CHECK_FALSE(spread(many));
}

TEST_CASE("a quoted path is matched by itself alone") {
  const std::string path = "/w/[WIP] pro*ject?/x";
  const auto pattern = PathPattern::parse(quote_glob(path));
  REQUIRE(pattern);
  CHECK(pattern->match(components(path)).complete);
  CHECK_FALSE(pattern->match(components("/w/W project1/x")).complete);
}

TEST_CASE("a literal pattern has no wildcards") {
  const auto pattern = PathPattern::parse("/w/a*", PathPattern::Reading::kLiteral);
  REQUIRE(pattern);
  CHECK(pattern->match(components("/w/a*")).complete);
  CHECK_FALSE(pattern->match(components("/w/ab")).complete);
}

TEST_CASE("more segments than can be kept track of are refused") {
  std::string text;
  for (int i = 0; i < 63; ++i) text += "/a";
  CHECK_FALSE(PathPattern::parse(text));
}

}  // namespace
}  // namespace srt::platform
