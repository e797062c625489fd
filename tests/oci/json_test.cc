#include "oci/json.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace srt::oci {
namespace {

std::string verdict_on(std::string_view text) {
  Diagnostics found("f");
  const bool readable = Document::parse(text, found).has_value();
  if (found.empty()) REQUIRE(readable);
  return to_string(found);
}

std::string repeated(std::string_view text, size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) all.append(text);
  return all;
}

std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_CASE("a document is a tree of values") {
  Diagnostics found("f");
  const std::optional<Document> document = Document::parse(
      R"( {"a": [1, -2, 1.50, "x\u00e4\n", true, null, {}], "b": {"c": {"d": []}}, "": 7} )",
      found);
  REQUIRE(document);
  CHECK(found.empty());
  const Value root = document->root();
  REQUIRE(root.kind() == Kind::kObject);
  CHECK(root.size() == 3);
  std::vector<std::string> shown;
  for (Value value : root.find("a")) shown.push_back(value.shown());
  CHECK(shown == std::vector<std::string>{"1", "-2", "1.50", "\"x\xc3\xa4\\n\"", "true", "null",
                                          "an object"});
  std::vector<std::string> keys;
  for (Value value : root) keys.emplace_back(value.key());
  CHECK(keys == std::vector<std::string>{"a", "b", ""});
  CHECK(root.find("").natural() == 7);
  CHECK(root.find("b").find("c").find("d").size() == 0);
  CHECK_FALSE(root.find("c"));
  CHECK_FALSE(root.find("a").find("a"));
  for (Value none : root.find("c")) FAIL(none.shown());
  for (Value none : root.find("")) FAIL(none.shown());
}

TEST_CASE("a tree outlives the text and a move of its document") {
  Diagnostics found("f");
  std::string text = R"({"k":"v"})";
  std::optional<Document> document = Document::parse(text, found);
  REQUIRE(document);
  text.assign(text.size(), '#');
  const Document moved = std::move(*document);
  CHECK(moved.root().find("k").text() == "v");
}

TEST_CASE("integers are exact over 64 bits, and reals keep their text") {
  Diagnostics found("f");
  const std::optional<Document> document = Document::parse(
      "[18446744073709551615, -9223372036854775808, -0, 18446744073709551616, 0.10]", found);
  REQUIRE(document);
  std::vector<Value> values;
  for (Value value : document->root()) values.push_back(value);
  CHECK(values[0].natural() == UINT64_MAX);
  CHECK(values[1].negative() == INT64_MIN);
  CHECK(values[2].natural() == 0);
  CHECK(values[3].kind() == Kind::kReal);
  CHECK(values[3].text() == "18446744073709551616");
  CHECK(values[4].text() == "0.10");
}

TEST_CASE("what JavaScript takes and JSON does not has a way out") {
  const auto ends_with = [](const std::string& text, std::string_view end) {
    return text.ends_with(end);
  };
  for (const char* text :
       {"// x\n{}", "{} // x", "{/* x */}", "# x\n{}", "{\"a\": 1, // x\n\"b\": 2}"}) {
    CAPTURE(text);
    CHECK(ends_with(verdict_on(text), " (JSON has no comments)"));
  }
  CHECK(ends_with(verdict_on("{'a': 1}"), " (texts and keys stand in double quotes)"));
  CHECK(ends_with(verdict_on("{\"a\": 'b'}"), " (texts and keys stand in double quotes)"));
  for (const char* text : {"{\"a\": 1,}", "{\"a\": [1, 2,\n  ]}"}) {
    CAPTURE(text);
    CHECK(ends_with(verdict_on(text), " (no comma stands in front of it)"));
  }
  CHECK_FALSE(ends_with(verdict_on("{\"a\": 1}}"), ")"));
}

TEST_CASE("a syntax error names line and column") {
  CHECK(verdict_on("{\n  \"a\": tru\n}") ==
        "f: line 2, column 11: syntax error while parsing value - invalid literal; last read: "
        "'\"a\": tru<U+000A>'");
  CHECK(verdict_on("{\n\n  ,") ==
        "f: line 3, column 3: syntax error while parsing object key - "
        "unexpected ','; expected string literal");
  CHECK(verdict_on("").starts_with("f: line 1, column 1: "));
  CHECK(verdict_on("[1\n").starts_with("f: line 2, column 1: "));
  CHECK(verdict_on("{\"a\": 1,}").find("syntax error") != std::string::npos);
}

TEST_CASE("what two readers could see differently is an error") {
  CHECK(verdict_on(R"({"a": 1} {)").find("syntax error") != std::string::npos);
  CHECK(verdict_on(R"({"a": 1} x)").find("syntax error") != std::string::npos);
  CHECK(verdict_on(R"({"a": 1} // x)").find("syntax error") != std::string::npos);
  CHECK(verdict_on("\xef\xbb\xbf{}") ==
        "f: must not start with a byte order mark: save it as UTF-8 without");
  // nlohmann's lexer takes a NUL for the end of the text.
  CHECK(verdict_on(std::string_view("{}\0{\"a\":1}", 10)) == "f: line 1, column 3: a NUL byte");
  CHECK(verdict_on(std::string_view("{\n}\0", 4)) == "f: line 2, column 2: a NUL byte");
  CHECK(verdict_on("\xff\xfe{\0}").find("f: ") == 0);
}

TEST_CASE("white space around a document is no error") {
  CHECK(verdict_on(" \t\r\n{} \t\r\n").empty());
}

TEST_CASE("text must be UTF-8") {
  for (const char* bad :
       {"\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"", "\"\x80\"", "\"\xe2\x82\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "{\"\xff\": 1}"}) {
    INFO(printable(bad));
    const std::string said = verdict_on(bad);
    CHECK(said.find("syntax error") != std::string::npos);
    CHECK(said.find('\n') == std::string::npos);
  }
  CHECK(verdict_on("\"\\ud83d\\ude00 \xf0\x9f\x98\x80\"").empty());
}

TEST_CASE("control characters in strings are errors unless escaped") {
  CHECK(verdict_on("\"a\nb\"").find("syntax error") != std::string::npos);
  CHECK(verdict_on("\"a\tb\"").find("syntax error") != std::string::npos);
  CHECK(verdict_on(R"("a\nb\u001b")").empty());
}

TEST_CASE("NUL in a string or a name is an error, however it is written") {
  CHECK(verdict_on(R"({"a": ["x", "/etc\u0000/passwd"]})") ==
        R"(f: /a/1: must not contain NUL, got "/etc\u0000/passwd")");
  CHECK(verdict_on(R"({"a": {"x\u0000y": 1}})") ==
        R"(f: /a: has a property name that contains NUL: "x\u0000y")");
}

TEST_CASE("duplicate names are errors, all of them, at any depth") {
  CHECK(verdict_on(R"({"a": 1, "b": 2, "a": 3})") == "f: /a: is there twice");
  CHECK(verdict_on(R"({"a": 1, "\u0061": 3})") == "f: /a: is there twice");
  CHECK(verdict_on(R"([{"x": 1}, {"y": [{"a/b": 1, "c": {}, "a/b": {}}]}])") ==
        "f: /1/y/0/a~1b: is there twice");
  CHECK(verdict_on(R"({"a": {"b": 1, "b": 2}, "c": 1, "c": 1})") ==
        "f: /a/b: is there twice\nf: /c: is there twice");
  std::string many = "{";
  for (int i = 0; i < 50; ++i) many += '"' + std::to_string(i) + "\":0,";
  CHECK(verdict_on(many + R"("x":0})").empty());
  CHECK(verdict_on(many + R"("17":0})") == "f: /17: is there twice");
}

TEST_CASE("nesting is limited") {
  CHECK(verdict_on(nested(kMaxNesting)).empty());
  CHECK(verdict_on(nested(kMaxNesting + 1)) == "f: nests deeper than 128 arrays and objects");
  CHECK(verdict_on(std::string(1 << 20, '[')) == "f: nests deeper than 128 arrays and objects");
}

TEST_CASE("size and number of values are limited") {
  std::string text(kMaxDocument - 1, ' ');
  CHECK(verdict_on(text + '1').empty());
  CHECK(verdict_on(text + "11") == "f: must be at most 16777216 bytes, got 16777217");
  CHECK(verdict_on("[" + repeated("1,", kMaxValues - 2) + "1]").empty());
  CHECK(verdict_on("[" + repeated("1,", kMaxValues - 1) + "1]") ==
        "f: holds more than 2000000 values");
}

TEST_CASE("hostile documents end soon") {
  // Each of these takes minutes where something is quadratic.
  CHECK(verdict_on("{" + repeated("\"a\":0,", 200'000) + "\"a\":0}")
            .ends_with("\nf: and at least 100 more"));
  const std::string nuls = repeated("0,", 200'000) + repeated(R"("\u0000",)", 200'000) + "0";
  CHECK(verdict_on(std::string(100, '[') + nuls + std::string(100, ']'))
            .ends_with("\nf: and at least 100 more"));
  CHECK(verdict_on("1e" + std::string(1'000'000, '9')).find("number overflow") !=
        std::string::npos);
  CHECK(verdict_on(std::string(1'000'000, '9')).find("number overflow") != std::string::npos);
  CHECK(verdict_on('"' + std::string(1'000'000, 'x')).size() < 500);
}

}  // namespace
}  // namespace srt::oci
