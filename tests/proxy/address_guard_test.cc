#include "proxy/address_guard.h"

#include <catch2/catch.hpp>

#include "policies.h"

using namespace srt::proxy;  // NOLINT: a test

namespace {

AddressVerdict judge(const EgressPolicy& rules, std::string_view name, std::string_view resolved,
                     uint16_t port = 443, const std::vector<IpAddress>& own = {}) {
  const Verdict verdict = ask(rules, name, port);
  REQUIRE(verdict.allowed);
  return judge_address(rules, verdict, address(resolved), port, own);
}

}  // namespace

TEST_CASE(
    "addresses of this host, of its link and of its cloud are refused, whatever name led there") {
  const EgressPolicy rules = policy({"example.com"});
  const std::pair<std::string, std::string> table[] = {
      {"127.0.0.1", "loopback"},
      {"127.255.255.254", "loopback"},
      {"::1", "loopback"},
      {"0.0.0.0", "unspecified"},
      {"0.1.2.3", "unspecified"},
      {"::", "unspecified"},
      {"169.254.1.1", "link-local"},
      {"fe80::1", "link-local"},
      {"febf::1", "link-local"},
      {"224.0.0.1", "multicast"},
      {"239.255.255.255", "multicast"},
      {"ff02::1", "multicast"},
      {"255.255.255.255", "broadcast"},
      {"169.254.169.254", "cloud metadata"},
      {"169.254.170.2", "cloud metadata"},
      {"169.254.170.23", "cloud metadata"},
      {"100.100.100.200", "cloud metadata"},
      {"168.63.129.16", "cloud metadata"},
      {"192.0.0.192", "cloud metadata"},
      {"fd00:ec2::254", "cloud metadata"},
      {"fd00:ec2:ffff::1", "cloud metadata"},
      {"fd20:ce::254", "cloud metadata"},
      {"fd00:42::42", "cloud metadata"},
      {"fe80::a9fe:a9fe", "cloud metadata"},
      // in disguise
      {"::ffff:127.0.0.1", "loopback"},
      {"::127.0.0.1", "loopback"},
      {"::ffff:0:127.0.0.1", "loopback"},
      {"64:ff9b::127.0.0.1", "loopback"},
      {"64:ff9b::169.254.169.254", "cloud metadata"},
      {"64:ff9b:1::127.0.0.1", "loopback"},
      {"64:ff9b:1:a9fe:a9:fe00::", "cloud metadata"},       // a /48 prefix of RFC 6052
      {"64:ff9b:1:11a9:fe:a9fe::", "cloud metadata"},       // /56
      {"64:ff9b:1:1111:a9:fea9:fe00:1", "cloud metadata"},  // /64
      {"2002:7f00:1::", "loopback"},
      {"2002:a9fe:a9fe::1", "cloud metadata"},
      {"2001:0:808:808:0:0:80ff:fffe", "loopback"},  // Teredo's client
      {"2001:0:7f00:1:0:0:f7f7:f7f7", "loopback"},   // Teredo's server
      {"2001:db8::5efe:127.0.0.1", "loopback"},      // ISATAP
  };
  for (const auto& [resolved, reason] : table) {
    CAPTURE(resolved);
    CHECK(judge(rules, "example.com", resolved) == AddressVerdict{false, reason});
  }
}

TEST_CASE("other addresses pass, private ones among them") {
  const EgressPolicy rules = policy({"example.com"});
  for (std::string resolved :
       {"93.184.216.34", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "100.100.100.201",
        "2606:2800:220:1::1", "fd00::1", "fd00:ec3::1", "64:ff9b::93.184.216.34",
        "2002:5db8:d822::1", "198.18.0.1"}) {
    CAPTURE(resolved);
    CHECK(judge(rules, "example.com", resolved).allowed);
  }
}

TEST_CASE("the host's own addresses are refused, mapped and translated too") {
  const EgressPolicy rules = policy({"example.com"});
  const std::vector<IpAddress> own = {address("93.184.216.34"), address("2606:2800::1")};
  for (std::string resolved : {"93.184.216.34", "::ffff:93.184.216.34", "64:ff9b::93.184.216.34",
                               "2002:5db8:d822::1", "2606:2800::1"}) {
    CAPTURE(resolved);
    CHECK(judge(rules, "example.com", resolved, 443, own) ==
          AddressVerdict{false, "an address of this host"});
    CHECK(judge(rules, "example.com", resolved).allowed);
  }
  CHECK(judge(rules, "example.com", "93.184.216.35", 443, own).allowed);
}

TEST_CASE("a literal of the deny list counts for names that resolve to it") {
  const EgressPolicy rules =
      policy({"example.com"}, {"93.184.216.34", "[2606:2800::1]:443", "10.0.0.1:22"});
  CHECK(judge(rules, "example.com", "93.184.216.34").reason == "denied by \"93.184.216.34\"");
  CHECK_FALSE(judge(rules, "example.com", "64:ff9b::93.184.216.34").allowed);
  CHECK_FALSE(judge(rules, "example.com", "2606:2800::1", 443).allowed);
  CHECK(judge(rules, "example.com", "2606:2800::1", 80).allowed);
  CHECK(judge(rules, "example.com", "10.0.0.1", 443).allowed);
  CHECK_FALSE(judge(rules, "example.com", "10.0.0.1", 22).allowed);
  // Of any layer.
  EgressPolicy two = policy({"example.com"});
  two.layers.push_back(layer({"example.com"}, {"10.0.0.2"}));
  CHECK_FALSE(judge(two, "example.com", "10.0.0.2").allowed);
}

TEST_CASE("deniedResolvedAddresses are judged on what is resolved") {
  EgressPolicy rules = policy({"example.com", "localhost"});
  rules.denied_addresses = {IpNetwork::parse("10.0.0.0/8").value(),
                            IpNetwork::parse("fd00::/8").value()};
  CHECK_FALSE(judge(rules, "example.com", "10.1.2.3").allowed);
  CHECK_THAT(judge(rules, "example.com", "10.1.2.3").reason, Catch::Contains("10.0.0.0/8"));
  CHECK_FALSE(judge(rules, "example.com", "64:ff9b::10.1.2.3").allowed);
  CHECK_FALSE(judge(rules, "example.com", "fd00::1").allowed);
  CHECK(judge(rules, "example.com", "11.0.0.1").allowed);
  rules.denied_addresses = {IpNetwork::parse("127.0.0.0/8").value()};
  CHECK_FALSE(judge(rules, "localhost", "127.0.0.1").allowed);
  CHECK(judge(rules, "localhost", "::1").allowed);
}

TEST_CASE("an address that the policy lists opens itself and nothing else") {
  const EgressPolicy rules =
      policy({"127.0.0.1:8080", "[::1]:80", "169.254.169.254", "10.0.0.9", "example.com"});
  CHECK(judge(rules, "127.0.0.1", "127.0.0.1", 8080).allowed);
  CHECK(judge(rules, "127.1", "127.0.0.1", 8080).allowed);
  CHECK(judge(rules, "::1", "::1", 80).allowed);
  CHECK(judge(rules, "169.254.169.254", "169.254.169.254").allowed);
  CHECK(judge(rules, "10.0.0.9", "10.0.0.9", 443, {address("10.0.0.9")}).allowed);
  // Whoever may go there may go there by a name: "app.test" and "127.0.0.1:3000".
  CHECK(judge(rules, "example.com", "127.0.0.1", 8080).allowed);
  CHECK(judge(rules, "example.com", "169.254.169.254").allowed);
  CHECK_FALSE(judge(rules, "example.com", "127.0.0.1", 8081).allowed);
  CHECK_FALSE(judge(rules, "example.com", "127.0.0.2", 8080).allowed);
  // Not in a disguise: what a translator makes of it is another way there.
  CHECK_FALSE(judge(rules, "example.com", "64:ff9b::127.0.0.1", 8080).allowed);
  // "localhost" is a name, and opens itself alone.
  CHECK_FALSE(judge(policy({"localhost", "example.com"}), "example.com", "127.0.0.1").allowed);
}

TEST_CASE("an address that the policy lists is not denied as one of a range") {
  EgressPolicy rules = policy({"example.com", "10.1.2.3:443"});
  rules.denied_addresses = {IpNetwork::parse("10.0.0.0/8").value()};
  CHECK(judge(rules, "10.1.2.3", "10.1.2.3").allowed);
  CHECK(judge(rules, "example.com", "10.1.2.3").allowed);
  CHECK_FALSE(judge(rules, "example.com", "10.1.2.3", 80).allowed);
  CHECK_FALSE(judge(rules, "example.com", "10.1.2.4").allowed);
  // A literal of the deny list wins.
  EgressPolicy denied = policy({"example.com", "10.1.2.3"}, {"10.1.2.3:80"});
  CHECK_FALSE(judge(denied, "example.com", "10.1.2.3", 80).allowed);
  CHECK(judge(denied, "example.com", "10.1.2.3", 443).allowed);
  // Each layer has to list it: a project's own does not open what the user's denies.
  EgressPolicy two = policy({"*.example.com"});
  two.denied_addresses = rules.denied_addresses;
  two.layers.push_back(layer({"a.example.com", "10.1.2.3"}));
  CHECK_FALSE(judge(two, "a.example.com", "10.1.2.3").allowed);
}

TEST_CASE("localhost opens the loopback addresses of the host, on its port") {
  const EgressPolicy rules = policy({"localhost:3000"});
  CHECK(judge(rules, "localhost", "127.0.0.1", 3000).allowed);
  CHECK(judge(rules, "localhost", "::1", 3000).allowed);
  CHECK(judge(rules, "127.0.0.1", "127.0.0.1", 3000).allowed);
  // A resolver that sends localhost somewhere else has chosen nothing.
  CHECK_FALSE(judge(rules, "localhost", "127.0.0.2", 3000).allowed);
  CHECK_FALSE(judge(rules, "localhost", "169.254.169.254", 3000).allowed);
  const EgressPolicy below =
      policy({"app.localhost:3000", "*.dev.localhost", "a.localhost.example"});
  CHECK(judge(below, "app.localhost", "127.0.0.1", 3000).allowed);
  CHECK(judge(below, "x.dev.localhost", "::1", 3000).allowed);
  CHECK_FALSE(judge(below, "x.dev.localhost", "127.0.0.2", 3000).allowed);
  CHECK_FALSE(judge(below, "a.localhost.example", "127.0.0.1", 3000).allowed);
}
