#include "proxy/idna.h"

#include <catch2/catch.hpp>

#include "proxy/host.h"

using namespace srt::proxy;  // NOLINT: a test

TEST_CASE("labels are encoded as RFC 3492 shows") {
  const std::pair<std::u32string, std::string> table[] = {
      {U"plain", "plain"},
      {U"bücher", "xn--bcher-kva"},
      {U"ü", "xn--tda"},
      {U"münchen", "xn--mnchen-3ya"},
      // RFC 3492 §7.1
      {U"他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"},
      {U"他們爲什麽不說中文", "xn--ihqwctvzc91f659drss3x8bo0yb"},
      {U"למההםפשוטלאמדבריםעברית", "xn--4dbcagdahymbxekheh6e0a7fei0b"},
      {U"почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"},
      {U"なぜみんな日本語を話してくれないのか", "xn--n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"},
      {U"세계의모든사람들이한국어를이해한다면얼마나좋을까",
       "xn--989aomsvi5e83db1d2a355cv1e0vak1dwrv93d5xbh15a0dt30a5jpsd879ccm6fea98c"},
      {U"3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"},
      {U"パフィーdeルンバ", "xn--de-jg4avhby1noc0d"},
  };
  for (const auto& [label, encoded] : table) {
    CAPTURE(encoded);
    if (encoded.size() > 63) {  // a longer label has no A-label
      CHECK_FALSE(to_a_label(label));
    } else {
      CHECK(to_a_label(label) == encoded);
    }
  }
}

TEST_CASE("characters with one reading are mapped") {
  const std::pair<std::string, std::string> table[] = {
      {"BÜCHER.example", "xn--bcher-kva.example"},
      {"ÀÖØÞ.example", "xn--0ca8bgy.example"},
      {"Ÿ.example", "xn--wda.example"},
      {"ŁÓDŹ.example", "xn--d-uga0v4h.example"},
      {"Ž.example", "xn--jha.example"},
      {"ΕΛΛΆΔΑ.example", "xn--hxakic4aa.example"},
      {"ПРИМЕР.example", "xn--e1afmkfd.example"},
      {"Ѐ.example", "xn--51a.example"},
      {"faß.example", "xn--fa-hia.example"},  // UTS 46, non-transitional
      {"例え。example", "xn--r8jz45g.example"},
      {"evil．example｡com", "evil.example.com"},
      {"ＥＶＩＬ.example", "evil.example"},
  };
  for (const auto& [text, name] : table) {
    CAPTURE(text);
    const auto parsed = canonical_host(text);
    REQUIRE(parsed);
    CHECK(parsed->to_text() == name);
  }
}

TEST_CASE("what could be mapped in two ways, or is nothing at all, is refused") {
  const std::string table[] = {
      "e\u0301.example",  // e and a combining acute accent: not composed
      "a\u200d.example",  // zero-width joiner
      "a\u200c.example",  // zero-width non-joiner
      "a\u200b.example",  // zero-width space
      "a\u00ad.example",  // soft hyphen: vanishes in UTS 46
      "\ufeff"
      "example.com",  // byte order mark
      "\u202e"
      "example.com",           // right-to-left override
      "\u2100.example",        // ℀ is a/c (CVE-2019-9636)
      "\uff0f.example",        // fullwidth /: kControl, but refused
      "\u2024com",             // one dot leader
      "ex\u017fample.com",     // long s
      "\u212a.example",        // the Kelvin sign
      "\ufb01.example",        // the ligature fi
      "\u0130.example",        // İ is two characters
      "\u1e9e.example",        // ẞ: two readings
      "\u2460.example",        // ①
      "\u2488com",             // ⒈, "1."
      "\u3000.example",        // ideographic space
      "\uf900.example",        // a compatibility ideograph
      "\u1100\uac00.example",  // conjoining Jamo
      "\u0378.example",        // unassigned
      "\U0001f4a9.example",    // an emoji
      "\U000e0041.example",    // a tag character
      "xn--\u00fc.example",    // both
      "\xff.example",
      "\xc1\xa1.example",
      "\xe0\x81\xa1.example",
      "\xf0\x80\x81\xa1.example",
      "\xc0\xaf.example",
      "\xe2\x80.example",
      "\xed\xa0\x80.example",
      "\xf4\x90\x80\x80.example",
      "\x80",
      "b\xc3",
  };
  for (const std::string& text : table) {
    CAPTURE(text);
    CHECK_FALSE(canonical_host(text));
  }
}

TEST_CASE("a fullwidth character gains nothing over its ASCII one") {
  CHECK(canonical_host("１２７.０.０.１") == Host{IpAddress::v4(0x7f000001)});
  CHECK(canonical_host("127。0。0。1") == Host{IpAddress::v4(0x7f000001)});
  CHECK(canonical_host("a％00.example").error() == HostError::kControl);
  CHECK(canonical_host("a＠b.example").error() == HostError::kControl);
  CHECK(canonical_host("a．．b").error() == HostError::kLabel);
}
