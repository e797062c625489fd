#include "platform/darwin/profile.h"

#include <string>

#include <catch2/catch.hpp>

#include "platform/darwin/sandbox_profile.h"
#include "tests/platform/darwin/random_policy.h"
#include "tests/platform/darwin/sbpl_reader.h"

using namespace srt;                    // NOLINT: a test
using namespace srt::platform::darwin;  // NOLINT
using namespace srt::test;              // NOLINT

namespace {

Profile one_rule(Filter filter, Operation operation = Operation::kFileRead) {
  return {{{Action::kAllow, {operation}, {std::move(filter)}, {}}}};
}

std::string error_of(const Profile& profile) {
  const auto text = print(profile);
  return text ? "" : to_string(text.error());
}

// Names as an attacker would choose them.
const std::string kHostile[] = {
    "/a\"))(allow default)(deny file-read* (literal \"",
    "/a\\",
    "/a\\\"",
    "/a\\\\",
    "/a\n(allow default)\n",
    "/a;(allow default)",
    "/a#\"",
    "/(regex \".*\")",
    "/^.*$",
    "/a|b",
    "/[a-z]{1,9}(x)?",
    "/\x01\x1b[31m\x7f",
    "/\xff\xfe\xc0\xaf",
    "/x0a\\x0a",
    std::string("/f") + '\xff' + "12",  // the digits behind are the name's
    "/caf\u00e9 cafe\u0301 \u202e",
    "/\\n",
    "/$(id)`id`'",
};

}  // namespace

TEST_CASE("a name is read back byte for byte, whatever it is") {
  for (const std::string& name : kHostile) {
    const auto text = print(one_rule(Filter::literal(name)));
    REQUIRE(text);
    INFO(*text);
    const auto forms = read_sbpl(*text);
    REQUIRE(forms);
    REQUIRE(forms->size() == 2);  // (version 1) and the rule
    const SbplForm& rule = (*forms)[1];
    REQUIRE(rule.items.size() == 3);
    REQUIRE(rule.items[2].items.size() == 2);
    CHECK(rule.items[2].items[1].text == name);
    // A rule is a line, and a terminal or a log shows it.
    for (const char c : *text) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  }
  Dice dice(3);
  for (int i = 0; i < 2000; ++i) {
    std::string name = "/";
    for (size_t n = dice.below(20); n > 0; --n) name += static_cast<char>(1 + dice.below(255));
    const auto forms = read_sbpl(quote(name));
    REQUIRE(forms);
    REQUIRE(forms->size() == 1);
    CHECK(forms->front().text == name);
  }
}

TEST_CASE("no name changes a rule: only what it names is denied") {
  for (const std::string& name : kHostile) {
    for (const char* effect : {"literal", "pattern"}) {
      Access access;
      auto& layer = access.host.filesystem.layers.emplace_back();
      layer.rules.push_back(
          {platform::PathEffect::kAllowWrite, "/w", {}, {}, std::string::npos, false});
      layer.rules.push_back({platform::PathEffect::kDenyRead, "/w" + name, {}, {}, 3, false});
      if (effect == std::string("pattern")) {
        layer.rules.back().path = "/w" + name;
        layer.rules.back().pattern = "*.pem";
      }
      access.host.filesystem.protect_names = false;
      const Sbpl sbpl = profile_of(access);
      INFO(effect << " " << quote(name));
      const std::string hidden = "/w" + name + (effect == std::string("pattern") ? "/k.pem" : "");
      CHECK_FALSE(may(sbpl, "file-read-data", hidden));
      CHECK_FALSE(may(sbpl, "file-write-create", hidden));
      CHECK_FALSE(may(sbpl, "file-read-data", hidden + "/below"));
      CHECK(may(sbpl, "file-read-data", "/w"));
      CHECK(may(sbpl, "file-read-data", "/w/a"));
      CHECK(may(sbpl, "file-write-create", "/w/zz"));
      CHECK_FALSE(may(sbpl, "file-write-create", "/v"));
      SbplRequest out;
      out.operation = "network-outbound";
      out.remote = "192.0.2.1:80";
      CHECK_FALSE(allows(sbpl, out));
    }
  }
}

TEST_CASE("what cannot be said is an error, and no profile") {
  CHECK_THAT(error_of(one_rule(Filter::literal(std::string("/a\0b", 4)))), Catch::Contains("NUL"));
  CHECK_THAT(error_of(one_rule(Filter::literal("/" + std::string(1000, 'a')))),
             Catch::Contains("longer than"));
  CHECK_THAT(error_of(one_rule(Filter::literal("a/b"))), Catch::Contains("not absolute"));
  CHECK_THAT(error_of(one_rule(Filter::subpath(""))), Catch::Contains("empty"));
  // A rule that lost its filters would allow everything.
  CHECK_THAT(error_of(one_rule(Filter::any({}))), Catch::Contains("says nothing"));
  CHECK_THAT(error_of(one_rule(Filter::all({}))), Catch::Contains("says nothing"));
  CHECK_THAT(
      error_of(one_rule(Filter::local_ip(IpHost::kLocalhost, 1), Operation::kNetworkOutbound)),
      Catch::Contains("admits everything"));
  Profile large;
  for (int i = 0; i < 1000; ++i) {
    large.rules.push_back(one_rule(Filter::literal("/" + std::string(900, 'a'))).rules.front());
  }
  CHECK_THAT(error_of(large), Catch::Contains("larger than"));
}

TEST_CASE("filters are values") {
  const Filter a = Filter::literal("/a"), b = Filter::subpath("/b");
  CHECK(Filter::all({a, b}) == Filter::all({a, b}));
  CHECK_FALSE(Filter::all({a, b}) == Filter::any({a, b}));
  CHECK_FALSE(a == b);
  CHECK(Filter::all({a}) == a);
  CHECK(Filter::any({a, Filter::any({b, a})}) == Filter::any({a, b, a}));
  CHECK(Filter::negation(Filter::negation(a)) == a);
  CHECK(Filter::all({a, Filter::any({})}).is_nothing());
  CHECK(Filter::any({a, Filter::all({})}).is_everything());
  CHECK(Filter::negation(Filter::all({})).is_nothing());
  CHECK(Filter::all({Filter::all({}), a}) == a);
}

TEST_CASE("a profile as text") {
  Profile profile;
  profile.rules.push_back({Action::kDeny, {Operation::kDefault}, {}, "run_1"});
  profile.rules.push_back(
      {Action::kAllow,
       {Operation::kFileRead, Operation::kFileWriteData},
       {Filter::all({Filter::subpath("/a b"), Filter::negation(Filter::regex("^/a b/\\.x$"))})},
       {}});
  profile.rules.push_back({Action::kAllow,
                           {Operation::kNetworkOutbound},
                           {Filter::remote_ip(IpHost::kLocalhost, 3128),
                            Filter::remote_unix_socket(Filter::literal("/s"))},
                           {}});
  CHECK(print(profile).value() ==
        "(version 1)\n"
        "(deny default (with message \"run_1\"))\n"
        "(allow file-read* file-write-data (require-all (subpath \"/a b\") (require-not (regex "
        "\"^/a b/\\\\.x$\"))))\n"
        "(allow network-outbound\n"
        "  (remote ip \"localhost:3128\")\n"
        "  (remote unix-socket (literal \"/s\")))\n");
}
