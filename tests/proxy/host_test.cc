#include "proxy/host.h"

#include <catch2/catch.hpp>

using namespace srt::proxy;  // NOLINT: a test

TEST_CASE("a name has one form") {
  const std::pair<std::string, std::string> table[] = {
      {"example.com", "example.com"},
      {"WWW.Example.COM", "www.example.com"},
      {"example.com.", "example.com"},
      {"localhost", "localhost"},
      {"LOCALHOST.", "localhost"},
      {"a_b.example", "a_b.example"},
      {"r3---sn-x.example", "r3---sn-x.example"},
      {"xn--BCHER-KVA.example", "xn--bcher-kva.example"},
      {"1.2.3.4.example", "1.2.3.4.example"},
      {"0xg", "0xg"},
      {"1a", "1a"},
      {"127.0.0.1x", "127.0.0.1x"},
  };
  for (const auto& [text, name] : table) {
    CAPTURE(text);
    const auto host = canonical_host(text);
    REQUIRE(host);
    REQUIRE(host->is_name());
    CHECK(host->name() == name);
  }
}

TEST_CASE("whatever a resolver reads as an address is that address") {
  for (std::string text : {"127.0.0.1", "127.0.0.1.", "127.1", "0x7f.1", "0X7F000001", "2130706433",
                           "017700000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::FFFF:7F00:1]",
                           "::ffff:127.0.0.1", "[0:0:0:0:0:ffff:127.0.0.1]"}) {
    CAPTURE(text);
    CHECK(canonical_host(text) == Host{IpAddress::v4(0x7f000001)});
  }
  CHECK(canonical_host("[::1]")->to_text() == "::1");
  CHECK(canonical_host("0")->to_text() == "0.0.0.0");
}

TEST_CASE("malformed hosts are refused, each with its reason") {
  const std::string_view nul_inside("ok.example\0.evil.example", 24);
  const std::string_view nul_in_brackets("[::1\0]", 6);
  const std::string_view nul_last("ok.example\0", 11);
  const std::pair<std::string_view, HostError> table[] = {
      {"", HostError::kEmpty},
      {".", HostError::kEmpty},
      {nul_inside, HostError::kControl},
      {nul_last, HostError::kControl},
      {nul_in_brackets, HostError::kControl},
      {"[::1 ]", HostError::kControl},
      {"a b.example", HostError::kControl},
      {" example.com", HostError::kControl},
      {"example.com\n", HostError::kControl},
      {"example.com\r\nX: y", HostError::kControl},
      {"a\x7f.example", HostError::kControl},
      {"evil.com%00.ok.com", HostError::kControl},
      {"%65vil.com", HostError::kControl},
      {"user@evil.com", HostError::kControl},
      {"evil.com/ok.com", HostError::kControl},
      {"evil.com\\ok.com", HostError::kControl},
      {"evil.com?ok.com", HostError::kControl},
      {"evil.com#ok.com", HostError::kControl},
      {"*.example.com", HostError::kControl},
      {"a,b", HostError::kControl},
      {"a:80", HostError::kControl},
      {"example.com..", HostError::kLabel},
      {"..", HostError::kLabel},
      {".example.com", HostError::kLabel},
      {"a..b", HostError::kLabel},
      {"-a.example", HostError::kLabel},
      {"a-.example", HostError::kLabel},
      {"127.0.0.1..", HostError::kLabel},
      {"1.2.3.256", HostError::kAddress},
      {"1.2.3.4.5", HostError::kAddress},
      {"256.256.256.256", HostError::kAddress},
      {"08.1.1.1", HostError::kAddress},
      {"0x", HostError::kAddress},
      {"evil.0x", HostError::kAddress},
      {"evil.com.1", HostError::kAddress},  // all-numeric last label
      {"evil.0x7f", HostError::kAddress},
      {"99999999999", HostError::kAddress},
      {"[::1", HostError::kAddress},
      {"[", HostError::kAddress},
      {"[]", HostError::kAddress},
      {"[::1].", HostError::kAddress},
      {"[::1]x", HostError::kAddress},
      {"[127.0.0.1]", HostError::kAddress},
      {"[example.com]", HostError::kAddress},
      {"[fe80::1%eth0]", HostError::kAddress},
      {"[fe80::1%25eth0]", HostError::kAddress},
      {"fe80::1%1", HostError::kAddress},
      {"::1::", HostError::kAddress},
      {"[v1.x]", HostError::kAddress},
      {"::1]", HostError::kAddress},
      {"\xff.example", HostError::kUnicode},
  };
  for (const auto& [text, error] : table) {
    CAPTURE(std::string(text));
    const auto host = canonical_host(text);
    REQUIRE_FALSE(host);
    CHECK(std::string(to_string(host.error())) == to_string(error));
  }
}

TEST_CASE("a label has 63 bytes at most and a name 253") {
  const std::string label(63, 'a');
  CHECK(canonical_host(label + ".example"));
  CHECK(canonical_host(label + "a.example").error() == HostError::kLabel);
  const std::string name = label + "." + label + "." + label + "." + std::string(61, 'a');
  REQUIRE(name.size() == 253);
  CHECK(canonical_host(name));
  CHECK(canonical_host(name + "."));
  CHECK(canonical_host(name + "b").error() == HostError::kLength);
  CHECK(canonical_host(std::string(100'000, 'a')).error() == HostError::kLength);
}

TEST_CASE("what is canonical stays as it is") {
  for (std::string text :
       {"Example.COM.", "0x7f.1", "[::FFFF:1.2.3.4]", "BÜCHER.example", "2001:DB8::1"}) {
    CAPTURE(text);
    const Host once = canonical_host(text).value();
    CHECK(canonical_host(once.to_text()) == once);
  }
}

TEST_CASE("a port is split off at one place only") {
  CHECK(canonical_host_port("example.com") == HostPort{canonical_host("example.com").value(), {}});
  CHECK(canonical_host_port("example.com.:443")->port == 443);
  CHECK(canonical_host_port("EXAMPLE.com:65535")->host.to_text() == "example.com");
  CHECK(canonical_host_port("[::1]:80")->host.to_text() == "::1");
  CHECK(canonical_host_port("[::1]:80")->port == 80);
  CHECK_FALSE(canonical_host_port("[::1]")->port);
  CHECK(canonical_host_port("::1").error() == HostError::kAddress);
  CHECK(canonical_host_port("127.1:80")->host.to_text() == "127.0.0.1");
  for (std::string text : {"",
                           ":80",
                           "example.com:",
                           "example.com:0",
                           "example.com:65536",
                           "example.com:99999999999999",
                           "example.com:+80",
                           "example.com:-1",
                           "example.com: 80",
                           "example.com:80 ",
                           "example.com:0x50",
                           "example.com:80:80",
                           "::1",
                           "::1:443",
                           "[::1]:",
                           "[::1]80",
                           "[::1]]:80",
                           "[::1]:80:80",
                           "user:pass@example.com",
                           "user:80@example.com",
                           "ok.com:80@evil.com:443",
                           "ok.com:443#@evil.com",
                           "example.com:http",
                           "example.com:٨٠",
                           "a]b:80"}) {
    CAPTURE(text);
    CHECK_FALSE(canonical_host_port(text));
  }
}
