#include "proxy/masked_secret.h"

#include <catch2/catch.hpp>

#include "proxy/base64.h"

namespace srt::proxy {
namespace {

constexpr char kStandIn[] = "fake_value_00112233-4455-4677-8899-aabbccddeeff";
constexpr char kOther[] = "fake_value_ffeeddcc-bbaa-4988-b766-554433221100";

DomainPattern pattern(const char* text) { return *DomainPattern::parse(text, PatternList::kDeny); }
Host host(const char* text) { return *canonical_host(text); }

MaskedSecrets two_secrets() {
  MaskedSecrets secrets;
  secrets.all.push_back({"TOKEN",
                         kStandIn,
                         "ghp_secret",
                         {{pattern("api.example.com"), pattern("*.git.example.com")}}});
  secrets.all.push_back({"OTHER", kOther, "second", {{pattern("other.example.com")}}});
  return secrets;
}

std::string sent(const std::string& value, const char* to) {
  const Host where = host(to);
  return two_secrets().put_into(value, {&where});
}

TEST_CASE("a secret is put in the place of its stand-in, for its hosts alone") {
  CHECK(sent(kStandIn, "api.example.com") == "ghp_secret");
  CHECK(sent(std::string("Bearer ") + kStandIn, "API.example.com.") == "Bearer ghp_secret");
  CHECK(sent(std::string("token=") + kStandIn + ";" + kStandIn, "a.git.example.com") ==
        "token=ghp_secret;ghp_secret");
  CHECK(sent(kStandIn, "git.example.com") == kStandIn);
  CHECK(sent(kStandIn, "example.com") == kStandIn);
  CHECK(sent(kStandIn, "api.example.com.evil.example") == kStandIn);
  CHECK(sent(kStandIn, "127.0.0.1") == kStandIn);
  CHECK(sent("Bearer else", "api.example.com") == "Bearer else");
  CHECK(sent("", "api.example.com").empty());
}

TEST_CASE("no secret goes to another one's host") {
  CHECK(sent(kOther, "api.example.com") == kOther);
  CHECK(sent(std::string(kOther) + kStandIn, "api.example.com") ==
        std::string(kOther) + "ghp_secret");
}

TEST_CASE("every host that a request concerns must be the secret's") {
  const MaskedSecrets secrets = two_secrets();
  const Host right = host("api.example.com"), wrong = host("cdn.example.net");
  CHECK(secrets.put_into(kStandIn, {&right, &right}) == "ghp_secret");
  CHECK(secrets.put_into(kStandIn, {&right, &wrong}) == kStandIn);
  CHECK(secrets.put_into(kStandIn, {&wrong, &right}) == kStandIn);
}

TEST_CASE("of several lists of hosts each one must have the host") {
  MaskedSecrets secrets;
  secrets.all.push_back({"TOKEN",
                         kStandIn,
                         "secret",
                         {{pattern("*")},
                          {pattern("a.example.com"), pattern("b.example.com")},
                          {pattern("b.example.com")}}});
  const Host a = host("a.example.com"), b = host("b.example.com");
  CHECK(secrets.put_into(kStandIn, {&a}) == kStandIn);
  CHECK(secrets.put_into(kStandIn, {&b}) == "secret");
  secrets.all[0].hosts.push_back({});  // of nobody's hosts
  CHECK(secrets.put_into(kStandIn, {&b}) == kStandIn);
}

TEST_CASE("what is put in is not looked at again") {
  MaskedSecrets secrets;
  secrets.all.push_back({"A", kStandIn, kOther, {{pattern("*")}}});
  secrets.all.push_back({"B", kOther, "second", {{pattern("*")}}});
  const Host any = host("a.example.com");
  CHECK(secrets.put_into(kStandIn, {&any}) == kOther);
}

TEST_CASE("basic credentials are looked into") {
  const std::string basic = base64(std::string("x-access-token:") + kStandIn);
  const std::string wanted = "Basic " + base64("x-access-token:ghp_secret");
  CHECK(sent("Basic " + basic, "api.example.com") == wanted);
  CHECK(sent("bAsIc   " + basic, "api.example.com") == wanted);
  CHECK(sent("Basic " + basic, "other.example.com") == "Basic " + basic);
  const std::string without = "Basic " + base64("user:password");
  CHECK(sent(without, "api.example.com") == without);
  // Not base64 at all, or of another spelling: as it stands.
  for (const std::string text :
       {"Basic", "Basic ", "Basic ???", "Basic =", "Basic YQ", "Basicx YQ=="}) {
    CHECK(sent(text, "api.example.com") == text);
  }
}

TEST_CASE("what cannot be a header's value is no secret that can be sent") {
  CHECK(can_be_sent("ghp_abc def"));
  CHECK(can_be_sent("gr\xc3\xbc\xc3\x9f"));
  for (const std::string_view text : {"", "a\nb", "a\r\nX-Evil: 1", " a", "a ", "a\tb", "a\x7f"}) {
    CHECK_FALSE(can_be_sent(text));
  }
  CHECK_FALSE(can_be_sent(std::string_view("a\0b", 3)));
}

TEST_CASE("base64 is read as it is written") {
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc"), std::string("abcd"),
        std::string("\0\xff\x10", 3)}) {
    CHECK(base64_decoded(base64(text)) == text);
  }
  for (const char* text :
       {"a", "ab", "abc", "a===", "====", "YQ=a", "Y Q=", "YR==", "YWJ=", "_-__"}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decoded(text));
  }
}

}  // namespace
}  // namespace srt::proxy
