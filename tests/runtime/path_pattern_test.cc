#include "runtime/path_pattern.h"

#include <string>

#include <catch2/catch.hpp>

using srt::runtime::PathPattern;

TEST_CASE("a pattern matches what a person expects of it") {
  struct Row {
    const char* rest;
    const char* path;
    bool matches;
  };
  constexpr Row kRows[] = {
      {"*.c", "/p/a.c", true},
      {"*.c", "/p/.c", true},
      {"*.c", "/p/d/a.c", false},
      {"*.c", "/q/a.c", false},
      {"*.c", "/p/a.cc", false},
      {"*", "/p/a", true},
      {"*", "/p", false},
      {"?.c", "/p/a.c", true},
      {"?.c", "/p/ab.c", false},
      {"a?b", "/p/a/b", false},
      {"[ab].c", "/p/a.c", true},
      {"[ab].c", "/p/c.c", false},
      {"[a-c]x", "/p/bx", true},
      {"[!a-c]x", "/p/bx", true},  // "!" and "^" are members like any other
      {"[!a-c]x", "/p/!x", true},
      {"[!a-c]x", "/p/dx", false},
      {"[^a]x", "/p/ax", true},
      {"[]]x", "/p/[]]x", true},
      {"[]x", "/p/[]x", true},
      {"[*]x", "/p/*x", true},
      {"[*]x", "/p/ax", false},
      {"[user-id]/*.ts", "/p/[user-id]/a.ts", true},  // a range that runs backwards is none
      {"[user-id]/*.ts", "/p/u/a.ts", false},
      {"[!/]b", "/p//b", false},
      {"[ab", "/p/[ab", true},
      {"**/.env", "/p/.env", true},
      {"**/.env", "/p/a/b/.env", true},
      {"**/.env", "/p/a.env", false},
      {"**/.env", "/p/.env.local", false},
      {"a/**/b", "/p/a/b", true},
      {"a/**/b", "/p/a/x/y/b", true},
      {"a/**/b", "/p/ab", false},
      {"a/**/b", "/p/a/xb", false},
      {"a**b", "/p/ab", true},
      {"a**b", "/p/a/x/b", true},
      {"**.pem", "/p/a/x.pem", true},
      {"a**/b", "/p/a/x/b", true},
      {"a**/b", "/p/ax/b", true},
      {"**", "/p/a/b", true},
      {"***", "/p/a/b", true},
      {"a.c", "/p/aXc", false},
      {"(a|b)+$", "/p/(a|b)+$", true},
      {"\\*", "/p/\\anything", true},
      {"?", "/p/é", true},  // a character, not a byte
      {"??", "/p/é", false},
      {"?.txt", "/p/😀.txt", true},
      {"?", "/p/\xff", true},  // no UTF-8: each byte by itself
      {"??", "/p/\xc3\xff", true},
      {"[é]", "/p/é", true},
      {"[é]", "/p/\xc3", false},
      {"[à-ü]x", "/p/éx", true},
      {"[a-z]x", "/p/éx", false},
      {"[ü-à]", "/p/[ü-à]", true},
      {"é*", "/p/ét", true},
  };
  for (const Row& row : kRows) {
    INFO(row.rest << " and " << row.path);
    CHECK(PathPattern("/p", row.rest).matches(row.path) == row.matches);
  }
}

TEST_CASE("the folder in front of a pattern is no pattern") {
  CHECK(PathPattern("/p/[x]*", "*.c").matches("/p/[x]*/a.c"));
  CHECK_FALSE(PathPattern("/p/[x]*", "*.c").matches("/p/xy/a.c"));
  CHECK(PathPattern("/", "*.c").matches("/a.c"));
  CHECK(PathPattern("/", "**/a").matches("/b/a"));
  CHECK(PathPattern("/", "**/a").text() == "/**/a");
}

TEST_CASE("what lies below a match is covered by it") {
  const PathPattern pattern("/p", "**/secret");
  CHECK(pattern.covered("/p/a/secret/key") == std::string("/p/a/secret").size());
  CHECK(pattern.covered("/p/secret/x/secret/y") == std::string("/p/secret/x/secret").size());
  CHECK(pattern.covered("/p/a/secrets") == 0);
  CHECK(pattern.covered("/p") == 0);
  CHECK(pattern.covered("/pp/secret") == 0);
}

TEST_CASE("a walk is told where nothing can match any more") {
  const PathPattern pattern("/p", "src/*.c");
  const auto src = pattern.below(pattern.begin(), "src");
  CHECK_FALSE(pattern.accepts(src));
  CHECK(pattern.may_continue(src));
  CHECK(pattern.accepts(pattern.below(src, "a.c")));
  CHECK_FALSE(pattern.may_continue(pattern.below(src, "folder")));
  CHECK_FALSE(pattern.may_continue(pattern.below(pattern.begin(), "srcs")));
}

TEST_CASE("the literal end of a pattern is known") {
  CHECK(PathPattern("/p", "**/*.pém").tail() == ".pém");
  CHECK(PathPattern("/p", "**/é").tail() == "é");
  CHECK(PathPattern("/p", "a/[bc]").tail().empty());
  CHECK(PathPattern("/p", "a/[]b").tail() == "[]b");
}

TEST_CASE("no pattern takes long") {
  std::string rest, name;
  for (int i = 0; i < 300; ++i) rest += "*a**/";
  for (int i = 0; i < 2000; ++i) name += "a/";
  // A search that tries every way to spread the stars would not end before ctest's time limit.
  CHECK_FALSE(PathPattern("/p", rest + "b").matches("/p/" + name + "c"));
}
