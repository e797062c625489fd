#include "oci/write.h"

#include <catch2/catch.hpp>

#include "oci/json.h"

namespace srt::oci {
namespace {

std::string written(Layout layout) {
  JsonWriter writer(layout);
  writer.begin_object();
  writer.key("a");
  writer.begin_array();
  writer.value(true);
  writer.value(int64_t{INT64_MIN});
  writer.value(uint64_t{UINT64_MAX});
  writer.null();
  writer.begin_object();
  writer.end_object();
  writer.begin_array();
  writer.end_array();
  writer.end_array();
  writer.key("b");
  writer.value(std::string_view("x"));
  writer.end_object();
  return std::move(writer).take();
}

TEST_CASE("compact JSON is one line") {
  CHECK(written(Layout::kCompact) ==
        R"({"a":[true,-9223372036854775808,18446744073709551615,null,{},[]],"b":"x"})");
}

TEST_CASE("pretty JSON is indented by two spaces and ends with a newline") {
  CHECK(written(Layout::kPretty) == R"({
  "a": [
    true,
    -9223372036854775808,
    18446744073709551615,
    null,
    {},
    []
  ],
  "b": "x"
}
)");
}

std::string as_json(std::string_view text) {
  JsonWriter writer(Layout::kCompact);
  writer.value(text);
  return std::move(writer).take();
}

TEST_CASE("strings are escaped and always UTF-8") {
  CHECK(as_json("a\"b\\c/\n\t\r\x01\x7f") == R"("a\"b\\c/\n\t\u000d\u0001\u007f")");
  CHECK(as_json(std::string_view("a\0b", 3)) == R"("a\u0000b")");
  CHECK(as_json("\xc3\xa4\xf0\x9f\x98\x80") == "\"\xc3\xa4\xf0\x9f\x98\x80\"");
  CHECK(as_json("a\xff"
                "b\xe2\x82") ==
        "\"a\xef\xbf\xbd"
        "b\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST_CASE("what is written is read back") {
  std::string all;
  for (int c = 1; c < 0x80; ++c) all += static_cast<char>(c);
  Diagnostics found("f");
  const std::string text = as_json(all);
  const std::optional<Document> document = Document::parse(text, found);
  REQUIRE(document);
  CHECK(document->root().text() == all);
}

}  // namespace
}  // namespace srt::oci
