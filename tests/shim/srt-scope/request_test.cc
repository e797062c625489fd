#include "shim/srt-scope/request.h"

#include <string>

#include <catch2/catch.hpp>

using namespace srt::scope;

namespace {

const std::string kBuses = R"("buses":["unix:path=/run/systemd/private"])";
const std::string kStart =
    R"({"do":"start",)" + kBuses + R"(,"unit":"x.scope","slice":"system.slice")";

srt::Result<Request> start_with(const std::string& more) {
  return parse_request(kStart + more + "}");
}

// What one property becomes, or why it is none.
srt::Result<Property> property(const std::string& type, const std::string& value) {
  auto request = start_with(R"(,"properties":[{"name":"Name","type":")" + type + R"(","value":)" +
                            value + "}]");
  if (!request) return srt::fail(request.error());
  return request->properties->at(0);
}

PropertyValue value_of(const std::string& type, const std::string& value) {
  auto read = property(type, value);
  REQUIRE(read);
  CHECK(read->name == "Name");
  return read->value;
}

}  // namespace

TEST_CASE("each of systemd's types is read as what it is") {
  CHECK(value_of("b", "true") == PropertyValue(true));
  CHECK(value_of("i", "-5") == PropertyValue(int32_t{-5}));
  CHECK(value_of("u", "4294967295") == PropertyValue(uint32_t{4294967295}));
  CHECK(value_of("x", "-9223372036854775807") == PropertyValue(int64_t{-9223372036854775807}));
  CHECK(value_of("t", "18446744073709551615") == PropertyValue(UINT64_MAX));
  CHECK(value_of("s", R"("auto")") == PropertyValue(std::string("auto")));
  CHECK(value_of("ay", "[0,255]") == PropertyValue(std::vector<uint8_t>{0, 255}));
}

TEST_CASE("a value that its type cannot hold is refused") {
  CHECK(!property("b", "1"));
  CHECK(!property("i", "2147483648"));
  CHECK(!property("u", "-1"));
  CHECK(!property("u", "4294967296"));
  CHECK(!property("x", "9223372036854775808"));
  CHECK(!property("t", "-1"));
  CHECK(!property("t", "18446744073709551616"));
  CHECK(!property("s", "1"));
  CHECK(!property("s", R"("a\u0000b")"));
  CHECK(!property("ay", "[256]"));
  CHECK(!property("ay", R"("text")"));
  CHECK(!property("s", "\"" + std::string(5000, 'x') + "\""));
}

TEST_CASE("types that we do not write, and properties with anything else, are refused") {
  CHECK(!property("a(sv)", "[]"));
  CHECK(!property("", "1"));
  CHECK(!start_with(R"(,"properties":[{"name":"Name","type":"t"}])"));
  CHECK(!start_with(R"(,"properties":[{"name":"Name","type":"t","value":1,"more":1}])"));
  CHECK(!start_with(R"(,"properties":[{"name":"Na me","type":"t","value":1}])"));
  CHECK(!start_with(R"(,"properties":[7])"));
}

TEST_CASE("a request is what its act needs, and no more") {
  const std::string other = "," + kBuses + R"(,"unit":"x.scope")";
  CHECK(start_with(""));
  CHECK(start_with(R"(,"description":"a container","patience":5)"));
  CHECK(!parse_request(R"({"do":"start")" + other + "}"));
  CHECK(!start_with(R"(,"pids":[1])"));
  CHECK(!start_with(R"(,"patience":31)"));
  CHECK(!start_with(R"(,"patience":0)"));
  CHECK(!start_with(R"(,"description":"two\nlines")"));
  CHECK(parse_request(R"({"do":"attach","pids":[17])" + other + "}"));
  CHECK(!parse_request(R"({"do":"attach","pids":[0])" + other + "}"));
  CHECK(!parse_request(R"({"do":"attach")" + other + "}"));
  CHECK(parse_request(R"({"do":"set","properties":[])" + other + "}"));
  CHECK(!parse_request(R"({"do":"set")" + other + "}"));
  CHECK(parse_request(R"({"do":"stop")" + other + "}"));
  CHECK(!parse_request(R"({"do":"stop","properties":[])" + other + "}"));
  CHECK(!parse_request(R"({"do":"stop")" + other + R"(,"why":1})"));
}

TEST_CASE("more properties than anybody needs are refused") {
  std::string many = R"({"name":"Name","type":"t","value":1})";
  for (int i = 0; i < 127; ++i) many += R"(,{"name":"Name","type":"t","value":1})";
  CHECK(start_with(",\"properties\":[" + many + "]"));
  CHECK(!start_with(",\"properties\":[" + many + R"(,{"name":"Name","type":"t","value":1}])"));
}

// libsystemd would start the program of a "unixexec:" address.
TEST_CASE("only sockets are connected to") {
  for (const char* bus : {"unixexec:path=/bin/touch", "unix:abstract=x", "unix:path=relative",
                          "unix:path=/a;unixexec:path=/bin/touch", "unix:path=/a,guid=0", ""}) {
    CAPTURE(bus);
    CHECK(
        !parse_request(std::string(R"({"do":"stop","unit":"x.scope","buses":[")") + bus + "\"]}"));
  }
  CHECK(!parse_request(R"({"do":"stop","unit":"x.scope","buses":[]})"));
}

TEST_CASE("unit names are systemd's") {
  CHECK(is_unit_name("docker-0123abc.scope", ".scope"));
  CHECK(is_unit_name("a_b:c\\x2dd.scope", ".scope"));
  CHECK(is_unit_name("-.slice", ".slice"));
  CHECK(is_unit_name(std::string(249, 'x') + ".scope", ".scope"));
  CHECK(!is_unit_name(std::string(250, 'x') + ".scope", ".scope"));
  CHECK(!is_unit_name(".scope", ".scope"));
  CHECK(!is_unit_name("x.service", ".scope"));
  CHECK(!is_unit_name("a/b.scope", ".scope"));
  CHECK(!is_unit_name("a b.scope", ".scope"));
  CHECK(!is_unit_name("@x.scope", ".scope"));
}
