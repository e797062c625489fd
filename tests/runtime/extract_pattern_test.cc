#include "runtime/extract_pattern.h"

#include <string>

#include <catch2/catch.hpp>

using srt::runtime::extract_problem;

TEST_CASE("a pattern that compiles and has a group finds a secret") {
  for (const char* pattern : {"(a)",
                              "token:\\s*(\\S+)",
                              "a|(b)",
                              "(?<n>a)",
                              "(?<=x)(a)",
                              "(?!a)+(b)",
                              "()",
                              "(?:(a))",
                              "\\1(a)",
                              "[(](a)",
                              "{(a)",
                              "(a)]",
                              "a{x}(b)",
                              "(a){2,}?",
                              "(a)}",
                              "[\\d-x](a)",
                              "[](a)]|(b)",
                              "[a-](b)",
                              "[^\\]](a)",
                              "\\u{61}(a)",
                              "(?<a>.)\\k<a>",
                              "\\k(x)",
                              "x{99999999999}(a)",
                              "(é)",
                              "[à-ü](a)",
                              "[\\x41-\\x5a](a)",
                              "[\\0-\\377](a)",
                              "[\\cA-\\cZ](a)",
                              "^(a)$",
                              "\\b(a)\\B"}) {
    CAPTURE(pattern);
    CHECK(extract_problem(pattern) == std::nullopt);
  }
}

TEST_CASE("a pattern that does not compile, or has no group, finds none") {
  for (const char* pattern : {"",
                              "a",
                              "(?:a)",
                              "(?=a)",
                              "\\(a\\)",
                              "[(a)]",
                              "(",
                              "a)",
                              "((a)",
                              "[",
                              "(a)[b",
                              "(?",
                              "(?a)",
                              "(?P<n>a)",
                              "(?i)(a)",
                              "(?<1>a)",
                              "(?<>a)",
                              "(?<n",
                              "(?<n>a)(?<n>b)",
                              "(?<a>.)\\k<b>",
                              "(?<a>.)\\k",
                              "*",
                              "+(a)",
                              "(a)**",
                              "(|*a)",
                              "^*(a)",
                              "(?<=a)*(b)",
                              "{2}(a)",
                              "(a){1,0}",
                              "(a)\\",
                              "[z-a](b)",
                              "[\\x5a-\\x41](b)",
                              "[😀-😁](a)"}) {
    CAPTURE(pattern);
    CHECK(extract_problem(pattern));
  }
}

TEST_CASE("no pattern takes long to be looked at") {
  CHECK(extract_problem(std::string(1 << 19, '(')));
  CHECK(extract_problem(std::string(1 << 19, '[')));
  CHECK(extract_problem(std::string(1 << 19, '{')));
  std::string references;
  for (int i = 0; i < 1 << 17; ++i) references += "\\k<a";
  CHECK(extract_problem(references));
}
