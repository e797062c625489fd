#include "proxy/decision.h"

#include <catch2/catch.hpp>

#include "policies.h"

using namespace srt::proxy;  // NOLINT: a test

TEST_CASE("nothing is allowed without a rule") {
  CHECK_FALSE(ask({}, "example.com").allowed);
  CHECK_FALSE(ask(policy({}), "example.com").allowed);
  CHECK_FALSE(ask(policy({}, {"evil.com"}), "example.com").allowed);
  CHECK(ask(policy({}), "example.com").reason == "no rule allows it");
  CHECK(ask(policy({}), "example.com").rule.empty());
}

TEST_CASE("a verdict names its rule as it was written, and where it stands") {
  const Verdict allowed = ask(policy({"*.Example.com"}), "www.example.com");
  CHECK(allowed == Verdict{true, "*.Example.com", "srt.json", "", false});
  const Verdict denied = ask(policy({"*.example.com"}, {"EVIL.example.com"}), "evil.example.com");
  CHECK(denied ==
        Verdict{false, "EVIL.example.com", "srt.json", "denied by \"EVIL.example.com\"", false});
}

TEST_CASE("a reason that was written is given") {
  EgressPolicy rules = policy({}, {"evil.com"});
  rules.layers[0].denied[0].reason = "use the mirror";
  CHECK(ask(rules, "evil.com").reason == "use the mirror");
}

TEST_CASE("denied comes before allowed, in every spelling") {
  const EgressPolicy rules =
      policy({"*.example.com", "10.0.0.1"}, {"a.example.com", "*:22", "10.0.0.1"});
  for (std::string to : {"a.example.com", "A.EXAMPLE.COM", "a.example.com.", "ａ.example.com"}) {
    CAPTURE(to);
    CHECK_FALSE(ask(rules, to).allowed);
  }
  CHECK(ask(rules, "b.example.com").allowed);
  CHECK_FALSE(ask(rules, "b.example.com", 22).allowed);
  for (std::string to : {"10.0.0.1", "10.1", "0xa000001", "[::ffff:10.0.0.1]"}) {
    CAPTURE(to);
    CHECK_FALSE(ask(rules, to).allowed);
  }
}

TEST_CASE("a denied address is denied inside NAT64 and 6to4") {
  const EgressPolicy rules =
      policy({"[64:ff9b::10.0.0.1]", "[2002:a00:1::1]", "[2001:db8::1]"}, {"10.0.0.1"});
  CHECK_FALSE(ask(rules, "64:ff9b::a00:1").allowed);
  CHECK_FALSE(ask(rules, "2002:a00:1::1").allowed);
  CHECK(ask(rules, "2001:db8::1").allowed);
}

TEST_CASE("suffix confusion does not help") {
  const EgressPolicy rules = policy({"example.com", "*.example.org"});
  for (std::string to : {"evilexample.com", "example.com.evil", "www.example.com",
                         "evilexample.org", "example.org", "example.org.evil.com"}) {
    CAPTURE(to);
    CHECK_FALSE(ask(rules, to).allowed);
  }
}

TEST_CASE("a wildcard never matches an address") {
  const EgressPolicy rules = policy({"*.example.com", "*.0.0.x"});
  CHECK_FALSE(ask(rules, "127.0.0.1").allowed);
  CHECK_FALSE(ask(rules, "::1").allowed);
}

TEST_CASE("every layer has to allow, and any may deny") {
  EgressPolicy rules;
  rules.layers = {layer({"*.example.com"}, {}, "ceiling"),
                  layer({"www.example.com:443", "example.org"}, {}, "srt.json")};
  CHECK(ask(rules, "www.example.com", 443).allowed);
  CHECK(ask(rules, "www.example.com", 443).origin == "srt.json");
  CHECK_FALSE(ask(rules, "www.example.com", 80).allowed);  // the second layer's port
  CHECK_FALSE(ask(rules, "example.org").allowed);          // above the ceiling
  CHECK_FALSE(ask(rules, "a.example.com").allowed);
  CHECK(ask(rules, "example.org").reason == "no rule allows it");

  rules.layers.push_back(layer({"*.example.com"}, {"www.example.com"}, "project"));
  CHECK_FALSE(ask(rules, "www.example.com").allowed);
  CHECK(ask(rules, "www.example.com").origin == "project");
  // A layer without rules allows nothing.
  rules.layers = {layer({"example.com"}), RuleLayer{}};
  CHECK_FALSE(ask(rules, "example.com").allowed);
}

TEST_CASE("an address that is listed is an explicit choice") {
  const EgressPolicy rules = policy({"127.0.0.1:80", "[::1]", "localhost:3000", "example.com"});
  CHECK(ask(rules, "127.0.0.1", 80).explicit_address);
  CHECK(ask(rules, "::1", 1).explicit_address);
  CHECK(ask(rules, "localhost", 3000).explicit_address);
  CHECK(ask(rules, "127.0.0.1", 3000).explicit_address);
  CHECK_FALSE(ask(rules, "127.0.0.1", 81).explicit_address);
  CHECK_FALSE(ask(rules, "example.com").explicit_address);
  CHECK_FALSE(ask(rules, "localhost", 80).allowed);
  CHECK(ask(policy({"app.localhost"}), "app.localhost", 80).explicit_address);
  CHECK_FALSE(ask(policy({"app.localhost"}), "localhost", 80).allowed);
  CHECK_FALSE(ask(policy({"localhost"}), "app.localhost", 80).allowed);
  CHECK_FALSE(ask(policy({"notlocalhost"}), "notlocalhost", 80).explicit_address);
}

TEST_CASE("port 0 is none") { CHECK_FALSE(ask(policy({"example.com"}), "example.com", 0).allowed); }

TEST_CASE("a name is worth a lookup if some port of it is allowed") {
  const EgressPolicy rules =
      policy({"example.com:443", "*.example.org", "denied.net", "22.net:22", "10.0.0.1"},
             {"denied.net", "*:22", "x.example.org:443"});
  CHECK(decide_name(rules, "example.com").allowed);
  CHECK(decide_name(rules, "EXAMPLE.com.").allowed);
  CHECK(decide_name(rules, "a.example.org").allowed);
  CHECK(decide_name(rules, "x.example.org").allowed);  // port 80 is left
  CHECK_FALSE(decide_name(rules, "example.org").allowed);
  CHECK_FALSE(decide_name(rules, "evil.com").allowed);
  CHECK_FALSE(decide_name(rules, "denied.net").allowed);
  CHECK(decide_name(rules, "denied.net").rule == "denied.net");
  CHECK_FALSE(decide_name(rules, "22.net").allowed);  // its only port is denied
  CHECK_FALSE(decide_name(rules, "10.0.0.1").allowed);
  CHECK_FALSE(decide_name(rules, "").allowed);
  CHECK_FALSE(decide_name(rules, "a b").allowed);
  CHECK_FALSE(decide_name({}, "example.com").allowed);
}

TEST_CASE("a name that no layer allows on the same port is not looked up") {
  EgressPolicy rules;
  rules.layers = {layer({"example.com:443"}), layer({"example.com:80"})};
  CHECK_FALSE(decide_name(rules, "example.com").allowed);
  rules.layers[1] = layer({"example.com"});
  CHECK(decide_name(rules, "example.com").allowed);
}

TEST_CASE("a denied spelling of a name is not looked up") {
  const EgressPolicy rules = policy({"*.example.com"}, {"evil.example.com"});
  CHECK_FALSE(decide_name(rules, "EVIL.example.com").allowed);
  CHECK_FALSE(decide_name(rules, "evil.example.com.").allowed);
}
