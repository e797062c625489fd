#include "oci/diagnostics.h"

#include <array>

#include <catch2/catch.hpp>

#include "oci/utf8.h"

namespace srt::oci {
namespace {

TEST_CASE("a path prints as a JSON pointer") {
  const Path root;
  CHECK(root.pointer().empty());
  CHECK((root / "mounts" / 3 / "destination").pointer() == "/mounts/3/destination");
  CHECK((root / "a/b~c" / "" / 0).pointer() == "/a~1b~0c//0");
}

TEST_CASE("each problem is a line with the file's name") {
  const Path root;
  Diagnostics found("config.json");
  CHECK(to_string(found).empty());
  found.add(root / "mounts" / 3 / "destination", "must be absolute, got \"tmp\"");
  CHECK(to_string(found) == "config.json: /mounts/3/destination: must be absolute, got \"tmp\"");
  found.add(root / "root", "is required");
  CHECK(to_string(found) ==
        "config.json: /mounts/3/destination: must be absolute, got \"tmp\"\n"
        "config.json: /root: is required");
}

TEST_CASE("an error made of problems prints the same lines") {
  Diagnostics found("config.json");
  found.add(std::string("/root"), "is required");
  found.add(std::string("/ociVersion"), "is required");
  const Error error = to_error(found);
  CHECK(error.object == "config.json");
  CHECK(to_string(error) == to_string(found));
}

TEST_CASE("a hundred problems are printed, and how many more there are") {
  const auto lines_of = [](size_t count) {
    const Path root;
    Diagnostics found("f");
    for (size_t i = 0; i < count; ++i) found.add(root / i, "is bad");
    return to_string(found);
  };
  CHECK(lines_of(100).ends_with("\nf: /99: is bad"));
  CHECK(lines_of(123).ends_with("\nf: /99: is bad\nf: and 23 more"));
  CHECK(lines_of(5000).ends_with("\nf: /99: is bad\nf: and at least 100 more"));
}

TEST_CASE("a rule does not repeat a problem at, above or below its place") {
  const Path root;
  Diagnostics found("f");
  found.add(root / "a" / "b", "is bad");
  found.add_new(root / "a" / "b", "again");
  found.add_new(root / "a", "above");
  found.add_new(root / "a" / "b" / "c", "below");
  CHECK(found.problems().size() == 1);
  found.add_new(root / "a" / "bc", "beside");
  CHECK(found.problems().size() == 2);
}

TEST_CASE("text of a file cannot control the terminal or the log") {
  CHECK(printable("plain \xc3\xa4") == "plain \xc3\xa4");
  CHECK(printable("\x1b[2J\r\n\x7f") == "\\u001b[2J\\u000d\\n\\u007f");
  CHECK(printable("\xc2\x9b"
                  "2J") == "\\u009b2J");  // CSI in one character
  CHECK(printable("a\"b\\c") == "a\"b\\c");
  CHECK(in_quotes("a\"b\\c") == R"("a\"b\\c")");
  CHECK(printable("\xff\xc0\x80\xed\xa0\x80") == "\\xff\\xc0\\x80\\xed\\xa0\\x80");
  CHECK(in_quotes(std::string(1000, 'x')) == '"' + std::string(80, 'x') + "...\"");
  Diagnostics found("a\nb");
  found.add(std::string("/annotations/\x1b[2J"), "is bad");
  CHECK(to_string(found) == "a\\nb: /annotations/\\u001b[2J: is bad");
}

TEST_CASE("the nearest name is suggested, and only a near one") {
  constexpr std::array<std::string_view, 3> kNames = {"network", "mount", "pid"};
  CHECK(nearest("netwrok", kNames.data(), 3) == "network");
  CHECK(nearest("MOUNT", kNames.data(), 3) == "mount");
  CHECK(nearest("pids", kNames.data(), 3) == "pid");
  CHECK(nearest("d", kNames.data(), 3).empty());
  CHECK(nearest("time", kNames.data(), 3).empty());
  CHECK(nearest("", kNames.data(), 3).empty());
  CHECK(nearest(std::string(1 << 20, 'n'), kNames.data(), 3).empty());
  CHECK(not_one_of("netwrok", kNames.data(), 3) ==
        "must be one of \"network\", \"mount\", \"pid\", got \"netwrok\" "
        "(did you mean \"network\"?)");
}

TEST_CASE("a UTF-8 sequence is what RFC 3629 allows") {
  CHECK(utf8_sequence("a") == 1);
  CHECK(utf8_sequence("\xc3\xa4") == 2);
  CHECK(utf8_sequence("\xe2\x82\xac") == 3);
  CHECK(utf8_sequence("\xf0\x9f\x98\x80") == 4);
  CHECK(utf8_sequence("\xf4\x8f\xbf\xbf") == 4);
  for (const char* bad :
       {"", "\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"}) {
    INFO(printable(bad));
    CHECK(utf8_sequence(bad) == 0);
  }
}

TEST_CASE("characters are taken off a text, one that is no UTF-8 as well") {
  std::string_view text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xff\xe2\x82";
  std::u32string characters;
  while (!text.empty()) characters += take_character(text);
  CHECK(characters == std::u32string{U'a', 0xe4, 0x20ac, 0x1f600, 0x1100ff, 0x1100e2, 0x110082});
}

}  // namespace
}  // namespace srt::oci
