#include "proxy/domain_pattern.h"

#include <catch2/catch.hpp>

#include "policies.h"

using namespace srt::proxy;  // NOLINT: a test

namespace {

DomainPattern pattern(std::string_view text, PatternList list = PatternList::kAllow) {
  const auto parsed = DomainPattern::parse(text, list);
  if (!parsed) FAIL(parsed.error());
  return *parsed;
}

bool matches(std::string_view text, std::string_view to, uint16_t port = 443) {
  return pattern(text, PatternList::kDeny).matches(host(to), port);
}

std::string error(std::string_view text, PatternList list = PatternList::kAllow) {
  const auto parsed = DomainPattern::parse(text, list);
  return parsed ? "" : parsed.error();
}

}  // namespace

TEST_CASE("a host matches itself in every spelling, and nothing that only looks like it") {
  for (std::string to :
       {"example.com", "EXAMPLE.com", "example.com.", "ｅxample.com", "example。com"}) {
    CAPTURE(to);
    CHECK(matches("example.com", to));
    CHECK(matches("Example.COM", to));
  }
  for (std::string to : {"evilexample.com", "example.com.evil", "www.example.com", "example.co",
                         "example.comm", "com", "example-com", "exаmple.com" /* a Cyrillic а */}) {
    CAPTURE(to);
    CHECK_FALSE(matches("example.com", to));
  }
  CHECK(matches("bücher.example", "xn--bcher-kva.example"));
  CHECK(matches("xn--bcher-kva.example", "BÜCHER.example"));
}

TEST_CASE("a wildcard matches any depth below, not the apex, never an address") {
  for (std::string to : {"www.example.com", "a.b.c.example.com", "WWW.EXAMPLE.COM."}) {
    CAPTURE(to);
    CHECK(matches("*.example.com", to));
  }
  for (std::string to : {"example.com", "evilexample.com", "www.evilexample.com",
                         "example.com.evil", "www.example.com.evil", "1.2.3.4", "::1"}) {
    CAPTURE(to);
    CHECK_FALSE(matches("*.example.com", to));
  }
}

TEST_CASE("a port restricts, none is all of them") {
  CHECK(matches("example.com:443", "example.com", 443));
  CHECK_FALSE(matches("example.com:443", "example.com", 80));
  CHECK(matches("example.com", "example.com", 1));
  CHECK(matches("*.example.com:22", "www.example.com", 22));
  CHECK_FALSE(matches("*.example.com:22", "www.example.com", 23));
  CHECK(matches("*", "1.2.3.4", 5));
  CHECK(matches("*:22", "example.com", 22));
  CHECK_FALSE(matches("*:22", "example.com", 443));
  CHECK(matches("[2001:db8::1]:80", "2001:DB8:0::1", 80));
  CHECK_FALSE(matches("[2001:db8::1]:80", "2001:db8::1", 81));
}

TEST_CASE("an address matches in every spelling") {
  for (std::string to : {"10.0.0.1", "0xa000001", "10.1", "012.0.0.1", "[::ffff:10.0.0.1]"}) {
    CAPTURE(to);
    CHECK(matches("10.0.0.1", to));
  }
  CHECK(matches("[::ffff:10.0.0.1]", "10.0.0.1"));
  CHECK_FALSE(matches("10.0.0.1", "10.0.0.1.example"));
}

TEST_CASE("an address of one link is the address, whichever interface is named") {
  for (std::string pattern :
       {"[fe80::1%eth0]", "[fe80::1%25eth0]", "[fe80::1%eth0]:443", "[FE80::1%]"}) {
    CAPTURE(pattern);
    CHECK(matches(pattern, "fe80::1", 443));
    CHECK_FALSE(matches(pattern, "fe80::2", 443));
  }
  CHECK_FALSE(matches("[fe80::1%eth0]:443", "fe80::1", 80));
  // Who asks for one is refused: an interface of the host's is not the sandbox's to choose.
  CHECK_FALSE(canonical_host("[fe80::1%eth0]"));
}

TEST_CASE("localhost is a name, and the two loopback addresses that it stands for") {
  CHECK(matches("localhost", "localhost"));
  CHECK(matches("localhost", "127.0.0.1"));
  CHECK(matches("localhost", "::1"));
  CHECK(matches("localhost:3000", "127.0.0.1", 3000));
  CHECK_FALSE(matches("localhost:3000", "127.0.0.1", 3001));
  CHECK_FALSE(matches("localhost", "127.0.0.2"));
  CHECK_FALSE(matches("localhost", "a.localhost"));
  CHECK_FALSE(matches("127.0.0.1", "localhost"));
}

TEST_CASE("an error teaches") {
  const std::pair<std::string, std::string> table[] = {
      {"*",
       "\"*\" would allow every host: list the hosts that are needed; \"*\" stands only in "
       "deniedDomains"},
      {"*:443", "\"*:443\" would allow every host"},
      {"*.com",
       "\"*.com\" is a whole top-level domain: write at least two labels after "
       "\"*.\""},
      {"*.com:443", "\"*.com:443\" is a whole top-level domain"},
      {"https://example.com", "has a scheme: write the host alone"},
      {"example.com/path", "rules are about hosts, not paths"},
      {"10.0.0.0/8", "deniedResolvedAddresses"},
      {"user@example.com", "has a user"},
      {".example.com", "\"*.example.com\" is every name below it"},
      {"example.com.", "ends with a dot"},
      {"example.com.:443", "ends with a dot"},
      {"*.example.com.", "ends with a dot"},
      {"::1", "write an IPv6 address in brackets"},
      {"fe80::1%eth0", "write an IPv6 address in brackets"},
      {"[example.com]", "brackets are for IPv6 addresses"},
      {"[1.2.3.4]:80", "brackets are for IPv6 addresses"},
      {"[a%b::1]", "neither an address nor a name"},
      {"*example.com", "can only be the whole first label"},
      {"www.*.com", "can only be the whole first label"},
      {"*.*.com", "can only be the whole first label"},
      {"**.example.com", "can only be the whole first label"},
      {"example.*", "can only be the whole first label"},
      {"*.1.2.3.4", "nothing is below an address"},
      {"*.0x7f.1", "nothing is below an address"},
      {"*.[::1]", "write an IPv6 address in brackets"},
      {"", "an empty pattern"},
      {"example.com:0", "a port that is not a number from 1 to 65535"},
      {"example.com:65536", "a port that is not a number from 1 to 65535"},
      {"example.com:", "a port that is not a number from 1 to 65535"},
      {"example.com:0443", "without leading zeros"},
      {"[::1]:080", "without leading zeros"},
      {"a b.example", "a character that no host has"},
      {"a..example", "a label that is empty"},
      {"*.", "an empty host"},
      {"*..com", "a label that is empty"},
      {"e\u0301.example", "write the name as \"xn--…\""},
  };
  for (const auto& [text, message] : table) {
    CAPTURE(text);
    CHECK_THAT(error(text), Catch::Contains(message));
  }
  CHECK_FALSE(DomainPattern::parse(std::string_view("a\0b.example", 11), PatternList::kAllow));
  CHECK(error("a\nb").find('\n') == std::string::npos);
  CHECK(error(".a\x1b[2J").find('\x1b') == std::string::npos);
}

TEST_CASE("a deny list may name everything") {
  for (std::string text : {"*", "*:22", "com", "*.co.uk:80"}) {
    CAPTURE(text);
    CHECK(error(text, PatternList::kDeny).empty());
  }
  CHECK_FALSE(error("*x", PatternList::kDeny).empty());
  CHECK_FALSE(error("*:0", PatternList::kDeny).empty());
  CHECK_FALSE(error("*.com", PatternList::kDeny).empty());
  CHECK_FALSE(error("*.com:80", PatternList::kDeny).empty());
  CHECK_FALSE(error("*.", PatternList::kDeny).empty());
  CHECK(pattern("*.CO.uk").text == "*.CO.uk");
}

TEST_CASE("an entry of a list of hosts has no port, and an address no brackets") {
  for (std::string text : {"a.b", "*.a.b", "10.0.0.1", "::1", "2001:db8::1", "localhost"}) {
    CAPTURE(text);
    const auto host = DomainPattern::parse_portless(text);
    REQUIRE(host);
    CHECK_FALSE(host->port);
    CHECK(DomainPattern::parse(host->text, PatternList::kAllow) == host);
  }
  for (std::string text : {"", "*", "*.b", "a.b:80", "[::1]", "[::1]:80", "::1:g", "a/b", "a b"}) {
    CAPTURE(text);
    CHECK_FALSE(DomainPattern::parse_portless(text));
  }
}

TEST_CASE("a ceiling covers what it allows, and no more") {
  const auto covers = [](std::string_view ceiling, std::string_view other) {
    return pattern(ceiling, PatternList::kDeny).covers(pattern(other, PatternList::kDeny));
  };
  CHECK(covers("*", "example.com"));
  CHECK(covers("*", "*"));
  CHECK(covers("*:22", "*.a.b:22"));
  CHECK(covers("*.example.com", "www.example.com:443"));
  CHECK(covers("*.example.com", "*.example.com"));
  CHECK(covers("*.example.com", "*.www.example.com"));
  CHECK(covers("example.com", "EXAMPLE.com:1"));
  CHECK(covers("localhost", "127.0.0.1"));
  CHECK_FALSE(covers("*.example.com", "example.com"));
  CHECK_FALSE(covers("*.www.example.com", "*.example.com"));
  CHECK_FALSE(covers("*.example.com", "*.evilexample.com"));
  CHECK_FALSE(covers("*.example.com", "*"));
  CHECK_FALSE(covers("*.example.com", "10.0.0.1"));
  CHECK_FALSE(covers("example.com", "*.example.com"));
  CHECK_FALSE(covers("example.com:443", "example.com"));
  CHECK_FALSE(covers("example.com:443", "example.com:80"));
  CHECK_FALSE(covers("*:22", "example.com"));
  CHECK_FALSE(covers("127.0.0.1", "localhost"));
}
