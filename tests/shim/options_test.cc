#include "shim/options.h"

#include <initializer_list>

#include <catch2/catch.hpp>

using namespace srt::shim;
using Strings = std::vector<std::string>;

namespace {

constexpr Option kOptions[] = {
    {"b,bundle", "DIR", "the bundle"},
    {"pid-file", "FILE", "the pid"},
    {"d,detach", "", "do not wait"},
    {"t,tty", "", "a terminal"},
    {"no-pivot", "", "no pivot_root"},
    {"e,env", "NAME=VALUE", "a variable", Option::kRepeated},
    {"preserve-fds", "N", "descriptors", Option::kNumber},
};

srt::Result<Arguments> parse(std::initializer_list<const char*> words) {
  std::vector<const char*> list(words);
  return parse_options(kOptions, list);
}

}  // namespace

TEST_CASE("options end at the first word that is none") {
  auto args = parse({"-d", "ID", "ls", "-l", "--bundle"});
  REQUIRE(args);
  CHECK(args->on("detach"));
  CHECK(args->rest() == Strings{"ID", "ls", "-l", "--bundle"});
  CHECK_FALSE(args->given("bundle"));
}

TEST_CASE("a double dash ends the options and is taken away once") {
  CHECK(parse({"-d", "--", "-x", "--", "y"})->rest() == Strings{"-x", "--", "y"});
  CHECK(parse({"ID", "--", "cmd"})->rest() == Strings{"ID", "--", "cmd"});
  CHECK(parse({"-"})->rest() == Strings{"-"});
  CHECK(parse({})->rest().empty());
}

TEST_CASE("a value may follow, be behind an equals sign, or be glued to a short option") {
  for (auto words : {std::vector<const char*>{"--bundle", "dir", "x"},
                     {"--bundle=dir", "x"},
                     {"-bundle", "dir", "x"},
                     {"-bundle=dir", "x"},
                     {"-b", "dir", "x"},
                     {"-b=dir", "x"},
                     {"-bdir", "x"},
                     {"-db", "dir", "x"},
                     {"-dbdir", "x"}}) {
    CAPTURE(words);
    auto args = parse_options(kOptions, words);
    REQUIRE(args);
    CHECK(args->text("bundle") == "dir");
    CHECK(args->rest() == Strings{"x"});
  }
  CHECK(parse({"--bundle", "-x"})->text("bundle") == "-x");
  CHECK(parse({"--bundle=a=b"})->text("bundle") == "a=b");
  CHECK(parse({"--bundle="})->text("bundle").empty());
  CHECK(parse({"--bundle=a", "--bundle=b"})->text("bundle") == "b");
  CHECK(parse({})->text("bundle", "otherwise") == "otherwise");
}

TEST_CASE("a long name wins over a bundle of short ones") {
  auto args = parse({"-pid-file", "f", "-td"});
  REQUIRE(args);
  CHECK(args->text("pid-file") == "f");
  CHECK(args->on("tty"));
  CHECK(args->on("detach"));
}

TEST_CASE("a switch may be told true or false") {
  CHECK(parse({"--no-pivot"})->on("no-pivot"));
  CHECK(parse({"--no-pivot=true"})->on("no-pivot"));
  auto off = parse({"--no-pivot=false"});
  CHECK(off->given("no-pivot"));
  CHECK_FALSE(off->on("no-pivot"));
  CHECK_FALSE(parse({"-d=false"})->on("detach"));
  CHECK(parse({"--no-pivot=maybe"}).error().why == "must be true or false, got \"maybe\"");
  // The next word is not a switch's value.
  CHECK(parse({"--no-pivot", "false"})->rest() == Strings{"false"});
}

TEST_CASE("a repeated option keeps every value, in order and whole") {
  auto args = parse({"-e", "A=1,2", "--env=B=", "-eC=3", "-e", ""});
  REQUIRE(args);
  CHECK(args->list("env") == Strings{"A=1,2", "B=", "C=3", ""});
  CHECK(parse({})->list("env").empty());
}

TEST_CASE("a number is one") {
  CHECK(parse({"--preserve-fds", "3"})->number("preserve-fds") == 3);
  for (const char* text : {"0x10", "+3", " 3", "3 ", "3.0", "", "-1", "99999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse({"--preserve-fds", text}));
  }
  CHECK(parse({})->number("preserve-fds") == 0);
  for (const char* bad : {"", "x", "-1", "3x", "99999999999"}) {
    CAPTURE(bad);
    auto args = parse({"--preserve-fds", bad});
    REQUIRE_FALSE(args);
    CHECK(args.error().object == "--preserve-fds");
  }
}

TEST_CASE("an unknown option names the nearest known one") {
  CHECK(parse({"--bundel", "x"}).error().mend == "did you mean --bundle?");
  CHECK(parse({"--detatch"}).error().mend == "did you mean --detach?");
  CHECK(parse({"--bundel=x"}).error().mend == "did you mean --bundle?");
  CHECK(parse({"-dx"}).error().object == "-dx");
  CHECK(parse({"--something-else"}).error().mend == "--help lists them");
}

TEST_CASE("a value that is missing is asked for") {
  auto args = parse({"--bundle"});
  REQUIRE_FALSE(args);
  CHECK(to_string(args.error()) == "--bundle: needs a value (write --bundle DIR)");
  CHECK_FALSE(parse({"-db"}));
}

TEST_CASE("help is understood everywhere, and lists what was declared") {
  CHECK(parse({"--help"})->on("help"));
  CHECK(parse({"-h"})->on("help"));
  std::string text = describe_options(kOptions);
  CHECK(text.starts_with("  -b, --bundle DIR"));
  CHECK(text.find("      --pid-file FILE") != std::string::npos);
  CHECK(text.find("-h, --help") != std::string::npos);
}
