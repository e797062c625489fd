#include "proxy/synthetic_addresses.h"

#include <set>

#include <catch2/catch.hpp>

#include "policies.h"

using namespace srt::proxy;  // NOLINT: a test

TEST_CASE("a name gets one address of each family, and keeps them") {
  SyntheticAddresses names;
  const auto first = names.give("a.example");
  const auto second = names.give("b.example");
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->v4 != second->v4);
  CHECK(first->v6 != second->v6);
  CHECK(names.give("a.example")->v4 == first->v4);
  CHECK(names.name_of(first->v4) == "a.example");
  CHECK(names.name_of(first->v6) == "a.example");
  CHECK(names.name_of(second->v6) == "b.example");
  CHECK(IpNetwork::parse("198.18.0.0/15")->contains(first->v4));
  CHECK(IpNetwork::parse("fc00::/7")->contains(first->v6));
  CHECK(SyntheticAddresses::is_synthetic(first->v4));
  CHECK(SyntheticAddresses::is_synthetic(first->v6));
}

TEST_CASE("an address that was not given has no name") {
  SyntheticAddresses names;
  const auto given = names.give("a.example").value();
  for (std::string text : {"198.18.0.0", "198.18.0.99", "198.20.0.1", "198.17.255.255", "::1",
                           "::ffff:0:198.18.0.1", "64:ff9b::198.18.0.1"}) {
    CAPTURE(text);
    CHECK_FALSE(names.name_of(address(text)));
  }
  auto bytes = given.v6.bytes();
  bytes[8] = 1;  // the same index, with other bits set
  CHECK_FALSE(names.name_of(IpAddress::v6(bytes)));
  CHECK(SyntheticAddresses::is_synthetic(IpAddress::v6(bytes)));
  CHECK(SyntheticAddresses::is_synthetic(address("198.19.255.255")));
  CHECK_FALSE(SyntheticAddresses::is_synthetic(address("198.20.0.0")));
  CHECK_FALSE(SyntheticAddresses::is_synthetic(address("2001:db8::1")));
}

TEST_CASE("when it is full, the name goes that was used longest ago") {
  SyntheticAddresses names(3);
  const auto a = names.give("a").value();
  const auto b = names.give("b").value();
  names.give("c");
  names.give("a");      // used again
  names.name_of(b.v4);  // so is this one
  names.give("d");      // c goes
  CHECK(names.size() == 3);
  CHECK(names.name_of(a.v4) == "a");
  CHECK(names.name_of(b.v4) == "b");
}

TEST_CASE("a name with a live connection stays, and pins nest") {
  SyntheticAddresses names(2);
  const auto a = names.give("a").value();
  names.pin("a");
  names.pin("a");
  names.give("b");
  names.pin("b");
  CHECK_FALSE(names.give("c"));  // all are pinned
  names.unpin("b");
  CHECK(names.give("c"));
  names.unpin("a");
  CHECK(names.give("d"));
  CHECK(names.name_of(a.v4) == "a");  // still pinned once
  names.unpin("a");
  names.unpin("a");  // one too many
  names.unpin("nobody");
  names.give("d");
  names.give("e");
  names.give("f");
  CHECK_FALSE(names.name_of(a.v4));
}

TEST_CASE("an address rests before it gets another name") {
  SyntheticAddresses names(4);
  std::set<IpAddress> seen;
  for (int i = 0; i < 60'000; ++i) seen.insert(names.give("n" + std::to_string(i))->v4);
  CHECK(seen.size() == 60'000);
}

TEST_CASE("the range goes round without giving one address twice") {
  SyntheticAddresses names(2);
  const auto pinned = names.give("pinned").value();
  names.pin("pinned");
  for (int i = 0; i < 140'000; ++i) {
    const auto other = names.give("n" + std::to_string(i)).value();
    if (other.v4 == pinned.v4 || !SyntheticAddresses::is_synthetic(other.v4))
      FAIL(other.v4.to_text());
  }
  CHECK(names.name_of(pinned.v4) == "pinned");
}
