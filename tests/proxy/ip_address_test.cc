#include "proxy/ip_address.h"

#include <catch2/catch.hpp>

#include "policies.h"

using namespace srt::proxy;  // NOLINT: a test

TEST_CASE("strict text is the one spelling that everybody reads alike") {
  for (std::string text : {"1.2.3.4", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1",
                           "1:0:0:2::3", "fe80::1", "1:2:3:4:5:6:7:8"}) {
    CAPTURE(text);
    REQUIRE(IpAddress::parse(text));
    CHECK(IpAddress::parse(text)->to_text() == text);
  }
  for (std::string text : {"",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.04",
                           "1.2.3.4.",
                           ".1.2.3.4",
                           "1..2.3",
                           "1.2.3.0x4",
                           "1.2.3.-4",
                           "+1.2.3.4",
                           " 1.2.3.4",
                           "1.2.3.4 ",
                           "1.2.3.4444",
                           ":",
                           ":::",
                           "1::2::3",
                           "::g",
                           "::12345",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "[::1]",
                           "fe80::1%eth0",
                           "::1.2.3.256",
                           "::01.2.3.4",
                           "1.2.3.4::"}) {
    CAPTURE(text);
    CHECK_FALSE(IpAddress::parse(text));
  }
  CHECK_FALSE(IpAddress::parse(std::string_view("::1\0", 4)));
  CHECK_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST_CASE("text follows RFC 5952") {
  const std::pair<std::string, std::string> table[] = {
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // one group is not shortened
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // the first of two
      {"0:0:0:0:0:0:0:0", "::"},
      {"1::", "1::"},
      {"::ffff:1.2.3.4", "1.2.3.4"},
      {"::1.2.3.4", "::102:304"},
  };
  for (const auto& [text, canonical] : table) {
    CAPTURE(text);
    CHECK(address(text).to_text() == canonical);
  }
}

TEST_CASE("every spelling of inet_aton is the address that it means") {
  for (std::string text :
       {"127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0X7F.1", "0x7f.0.0.1", "0x7f000001",
        "2130706433", "017700000001", "0177.0.0.1", "0177.0x0.0.01", "0000177.00.00.01",
        "0x000000007f.1", "00000000000000000000000000000000000177.0.0.1"}) {
    CAPTURE(text);
    CHECK(IpAddress::parse_any_spelling(text) == IpAddress::v4(0x7f000001));
  }
  CHECK(IpAddress::parse_any_spelling("1.2.65535") == address("1.2.255.255"));
  CHECK(IpAddress::parse_any_spelling("1.16777215") == address("1.255.255.255"));
  CHECK(IpAddress::parse_any_spelling("010.1") == address("8.0.0.1"));
  CHECK(IpAddress::parse_any_spelling("0") == address("0.0.0.0"));
  for (std::string text : {"", ".", "256.1.1.1", "1.256.1.1", "1.2.65536", "1.16777216",
                           "4294967296", "0x100000000", "18446744073709551617", "08.1.1.1", "0x",
                           "0x.1", "0xg", "1.2.3.4.5", "1.2.3.", ".1", "-1", "1e3", "1.2.3.4x"}) {
    CAPTURE(text);
    CHECK_FALSE(IpAddress::parse_any_spelling(text));
  }
}

TEST_CASE("a mapped address is the v4 address") {
  CHECK(address("::ffff:127.0.0.1") == IpAddress::v4(0x7f000001));
  CHECK(address("::ffff:7f00:1").is_v4());
  CHECK(address("::ffff:7f00:1").to_v4() == 0x7f000001);
  CHECK_FALSE(address("::7f00:1").is_v4());
  CHECK_FALSE(address("::1").is_v4());
}

TEST_CASE("the v4 address inside a v6 one is found") {
  const std::pair<std::string, std::string> table[] = {
      {"10.0.0.1", "10.0.0.1"},
      {"::ffff:10.0.0.1", "10.0.0.1"},
      {"::10.0.0.1", "10.0.0.1"},                            // compatible
      {"::ffff:0:10.0.0.1", "10.0.0.1"},                     // translated
      {"64:ff9b::10.0.0.1", "10.0.0.1"},                     // NAT64
      {"64:ff9b:1::10.0.0.1", "10.0.0.1"},                   // NAT64, local use
      {"64:ff9b:1:abcd::10.0.0.1", "10.0.0.1"},              //
      {"2002:a00:1::1", "10.0.0.1"},                         // 6to4
      {"2001:0:4136:e378:8000:63bf:f5ff:fffe", "10.0.0.1"},  // Teredo
      {"2001:db8::5efe:10.0.0.1", "10.0.0.1"},               // ISATAP
      {"fe80::200:5efe:10.0.0.1", "10.0.0.1"},               //
  };
  for (const auto& [text, inner] : table) {
    CAPTURE(text);
    CHECK(address(text).inner_v4() == address(inner));
  }
  for (std::string text : {"::", "::1", "2001:db8::1", "64:ff9b:2::1", "64:ff9b:0:1::1", "2003::1",
                           "2001:1::1", "fe80::5eff:1.2.3.4"}) {
    CAPTURE(text);
    CHECK_FALSE(address(text).inner_v4());
  }
}

TEST_CASE("a network has no host bits and contains what is inside") {
  const auto contains = [](std::string_view network, std::string_view one) {
    return IpNetwork::parse(network).value().contains(address(one));
  };
  CHECK(contains("10.0.0.0/8", "10.255.255.255"));
  CHECK(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  CHECK_FALSE(contains("10.0.0.0/8", "a00::"));
  CHECK(contains("172.16.0.0/12", "172.31.255.255"));
  CHECK_FALSE(contains("172.16.0.0/12", "172.32.0.0"));
  CHECK(contains("0.0.0.0/0", "8.8.8.8"));
  CHECK_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  CHECK(contains("::/0", "2001:db8::1"));
  CHECK(contains("fc00::/7", "fdff::1"));
  CHECK(contains("2001:db8::1", "2001:db8::1"));
  CHECK_FALSE(contains("2001:db8::1", "2001:db8::2"));
  CHECK(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
  for (std::string text : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1",
                           "10.0.0.0/8/8", "10/8", "fd00::/129", "fd00::1/64", "x/8", ""}) {
    CAPTURE(text);
    CHECK_FALSE(IpNetwork::parse(text));
  }
  for (std::string text : {"10.0.0.0/8", "fd00::/8", "1.2.3.4", "::1", "0.0.0.0/0", "::/0"}) {
    CHECK(IpNetwork::parse(text).value().to_text() == text);
    CHECK(IpNetwork::parse_around(text).value().to_text() == text);
  }
}

TEST_CASE("an endpoint's v6 address stands in brackets") {
  CHECK(Endpoint{address("1.2.3.4"), 80}.to_text() == "1.2.3.4:80");
  CHECK(Endpoint{address("::1"), 443}.to_text() == "[::1]:443");
}

TEST_CASE("a network is found around an address") {
  const std::pair<const char*, const char*> table[] = {
      {"10.1.2.3/8", "10.0.0.0/8"},
      {"10.1.2.3/008", "10.0.0.0/8"},
      {"10.1.2.3/0", "0.0.0.0/0"},
      {"10.1.2.3", "10.1.2.3"},
      {"fd00::1/8", "fd00::/8"},
      {"fe80::1%eth0", "fe80::1"},
      {"fe80::1%eth0/64", "fe80::/64"},
      {"::ffff:10.1.2.3/104", "10.0.0.0/8"},
      {"2001:db8::1/127", "2001:db8::/127"},
  };
  for (const auto& [text, network] : table) {
    CAPTURE(text);
    CHECK(IpNetwork::parse_around(text).value().to_text() == network);
  }
  for (const char* text : {"", "/8", "10.1.2.3/", "10.1.2.3/33", "10.1.2.3/0008", "10.1.2.3/+8",
                           "10.1.2.3/8/8", "::1/129", "::1/0128", "fe80::1/64%eth0",
                           "::ffff:10.0.0.0/95", "a.b", "[::1]", "10.1.2/8"}) {
    CAPTURE(text);
    CHECK_FALSE(IpNetwork::parse_around(text));
  }
}
