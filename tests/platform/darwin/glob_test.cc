#include "platform/darwin/glob.h"

#include <regex.h>

#include <string>

#include <catch2/catch.hpp>

#include "platform/darwin/regex.h"
#include "runtime/path_pattern.h"
#include "tests/platform/darwin/random_policy.h"

using namespace srt::platform::darwin;  // NOLINT: a test
using srt::runtime::PathPattern;
using srt::test::Dice;

namespace {

bool matches(const std::string& expression, const std::string& text) {
  regex_t regex;
  INFO(expression);
  REQUIRE(regcomp(&regex, expression.c_str(), REG_EXTENDED | REG_NOSUB) == 0);
  const bool found = regexec(&regex, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&regex);
  return found;
}

std::string random_text(Dice& dice, const char* const* pieces, size_t count, size_t longest) {
  std::string text;
  for (size_t n = 1 + dice.below(longest); n > 0; --n) text += pieces[dice.below(count)];
  return text;
}

// Components that are none of "", "." and "..", no "/" at either end.
std::string tidy(const std::string& text) {
  std::string out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('/', at), text.size());
    const std::string name = text.substr(at, end - at);
    if (!name.empty() && name != "." && name != "..") out += (out.empty() ? "" : "/") + name;
    at = end + 1;
  }
  return out.empty() ? "a" : out;
}

constexpr const char* kPatternPieces[] = {
    "a", "b", "/", "*",   "**", "**/", "?", "[ab]", "[!a]", "[a-c]", "[^b]", "[",    "]",    "[]a]",
    ".", "+", "(", "{2}", "\\", "\n",  "$", "^",    "|",    "é",     "-",    "[aé]", "[é-ü]"};
constexpr const char* kPathPieces[] = {"a", "b", "c",  "/",  "/a", "ab", ".", "+", "(", "{2}",
                                       "[", "]", "\\", "\n", "$",  "^",  "|", "é", "-", "ü"};

std::string random_pattern(Dice& dice) {
  return tidy(random_text(dice, kPatternPieces, std::size(kPatternPieces), 6));
}
std::string random_tail(Dice& dice) {
  return tidy(random_text(dice, kPathPieces, std::size(kPathPieces), 7));
}

}  // namespace

TEST_CASE("a pattern's expression covers what the settings' pattern covers") {
  Dice dice(7);
  int said = 0, covered = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string rest = random_pattern(dice), base = dice.one_in(2) ? "/" : "/w+(x)";
    const auto glob = Glob::parse(base, rest, Glob::Case::kExact);
    if (!glob) continue;
    ++said;
    const PathPattern pattern(base, rest);
    for (int j = 0; j < 5; ++j) {
      const std::string path = (base == "/" ? "" : base) + "/" + random_tail(dice);
      INFO(pattern.text() << " " << path);
      CHECK(matches(glob->cover(), path) == (pattern.covered(path) > 0));
      CHECK(glob->covers(path) == (pattern.covered(path) > 0));
      CHECK(glob->matches(path) == pattern.matches(path));
      covered += pattern.covered(path) > 0 ? 1 : 0;
    }
  }
  CHECK(said > 3000);
  CHECK(covered > 500);
}

TEST_CASE("cover_below is what has a longer match than a place") {
  Dice dice(8);
  int below = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string rest = random_pattern(dice);
    const auto glob = Glob::parse("/w", rest, Glob::Case::kExact);
    if (!glob) continue;
    const PathPattern pattern("/w", rest);
    const std::string place = "/w/" + random_tail(dice);
    const auto expression = glob->cover_below(place);
    for (int j = 0; j < 4; ++j) {
      const std::string path = place + "/" + random_tail(dice);
      const bool longer = pattern.covered(path) > place.size();
      INFO(pattern.text() << " " << place << " " << path);
      CHECK((expression && matches(*expression, path)) == longer);
      below += longer ? 1 : 0;
    }
  }
  CHECK(below > 200);
}

TEST_CASE("a name in another case is the same name to a volume that ignores case") {
  const auto glob = Glob::parse("/w", "**/.profile", Glob::Case::kAny);
  REQUIRE(glob);
  for (const char* same :
       {"/w/.profile", "/w/.PROFILE", "/w/a/.ProFile", "/w/.pro\ufb01le", "/w/.profile/x"}) {
    INFO(same);
    CHECK(matches(glob->cover(), same));
  }
  for (const char* other : {"/W/.profile", "/w/.profiles", "/w/xprofile", "/w/.pr0file"}) {
    INFO(other);
    CHECK_FALSE(matches(glob->cover(), other));
  }
  const std::string bash = "^" + regex_any_case("/.bashrc") + "$";
  CHECK(matches(bash, "/.ba\u017fhrc"));
  const std::string hook = "^" + regex_any_case("hooks") + "$";
  CHECK(matches(hook, "hoo\u212as"));
  CHECK(matches("^" + regex_any_case("classes") + "$", "cla\u1e9ee\u017f"));
}

TEST_CASE("composed and decomposed letters are the same name") {
  const std::string composed = "caf\u00e9.txt", decomposed = "cafe\u0301.txt";
  for (const std::string& written : {composed, decomposed}) {
    const std::string expression = "^" + regex_any_case(written) + "$";
    CHECK(matches(expression, composed));
    CHECK(matches(expression, decomposed));
    CHECK_FALSE(matches(expression, "cafe.txt"));
    CHECK_FALSE(matches(expression, "caf/.txt"));
  }
}

TEST_CASE("characters of expressions are only themselves in a name") {
  for (const char* name : {"a.b", "a*", "(a|b)", "a{1}", "[ab]", "a\\b", "^a$", "a+", "a?", "\n"}) {
    INFO(name);
    CHECK(matches("^" + regex_exact(name) + "$", name));
    CHECK(matches("^" + regex_any_case(name) + "$", name));
    for (const char* other : {"a", "b", "ab", "axb", "aa", ""}) {
      CHECK_FALSE(matches("^" + regex_exact(name) + "$", other));
    }
  }
}

TEST_CASE("a set that matches nothing is no pattern") {
  CHECK_FALSE(Glob::parse("/", "a[/]", Glob::Case::kExact));
  CHECK(Glob::parse("/", "[!\\]", Glob::Case::kExact));
  CHECK(Glob::parse("/", "[]", Glob::Case::kExact));
}

TEST_CASE("the steps on the way to a match") {
  const auto steps = [](const char* pattern) {
    std::vector<std::string> out;
    for (const Glob::Step& step : Glob::parse("/w", pattern, Glob::Case::kExact)->steps()) {
      out.push_back(step.regex + (step.wild ? " wild" : "") + (step.deep ? " deep" : ""));
    }
    return out;
  };
  CHECK(steps("*.c").empty());
  CHECK(steps("**/.env").empty());
  CHECK(steps("a/*/c") == std::vector<std::string>{"^/w/a$", "^/w/a/[^/]*$ wild"});
  CHECK(steps("x[a/b]y/z") == std::vector<std::string>{"^/w/x[ab]y$ wild"});
  CHECK(steps("a**/c") == std::vector<std::string>{"^/w/a.*$ wild deep"});
  CHECK(steps("**/a/**/c") ==
        std::vector<std::string>{"^/w/(.*/)?a$", "^/w/(.*/)?a/.*$ wild deep"});
}
