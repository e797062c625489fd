// Every property of the specification, one line of data/properties.tsv each:
//   JSON pointer in data/every_property.json, type, "required" | "optional" | "element", range
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "oci/parse.h"
#include "oci/print.h"
#include "tests/oci/documents.h"

namespace srt::oci {
namespace {

using nlohmann::json;

struct Property {
  std::string pointer;
  std::string type;
  std::string presence;
  std::string min;
  std::string max;
};

std::vector<Property> properties() {
  std::vector<Property> all;
  std::istringstream lines(test_data("properties.tsv"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Property property;
    std::string range;
    fields >> property.pointer >> property.type >> property.presence >> range;
    if (size_t dots = range.find(".."); dots != std::string::npos) {
      property.min = range.substr(0, dots);
      property.max = range.substr(dots + 2);
    }
    all.push_back(property);
  }
  return all;
}

// The document's text with `value` at the pointer, exactly as written: numbers that do not fit a
// number of nlohmann's must reach the parser unchanged.
std::string text_with(const std::string& pointer, const std::string& value) {
  const std::string marker = "@here@";
  std::string text = with(every_property(), pointer, json(marker).dump()).dump();
  text.replace(text.find('"' + marker + '"'), marker.size() + 2, value);
  return text;
}

std::string wanted(const std::string& type) {
  if (type == "integer") return "an integer";
  if (type == "boolean") return "true or false";
  if (type == "array") return "an array";
  if (type == "object") return "an object";
  return "a string";
}

struct Sample {
  std::string type;
  std::string text;
  std::string shown;
};

const std::vector<Sample> kSamples = {
    {"string", R"("a text")", R"("a text")"},
    {"integer", "17", "17"},
    {"real", "1.5", "1.5"},
    {"real", "1e3", "1e3"},
    {"real", "1.0", "1.0"},
    {"boolean", "true", "true"},
    {"array", "[]", "an array"},
    {"object", "{}", "an object"},
};

TEST_CASE("a file with every property is printed back without loss") {
  const json document = every_property();
  const Checked<Spec> spec = parse_spec(document.dump(), "config.json");
  if (!spec) FAIL(to_string(spec.error()));
  for (Layout layout : {Layout::kCompact, Layout::kPretty}) {
    CHECK(json::diff(document, json::parse(print(*spec, layout))) == json::array());
    const Checked<Spec> again = parse_spec(print(*spec, layout), "config.json");
    REQUIRE(again);
    CHECK(*again == *spec);
  }
}

TEST_CASE("the table of properties and the file with every property agree") {
  const json document = every_property();
  const std::vector<Property> all = properties();
  REQUIRE(all.size() > 270);
  for (const Property& property : all) {
    INFO(property.pointer);
    CHECK(document.contains(json::json_pointer(property.pointer)));
  }
}

TEST_CASE("a property of the wrong type is one error that says what it must be") {
  for (const Property& property : properties()) {
    const std::string type = property.type == "enum" ? "string" : property.type;
    for (const Sample& sample : kSamples) {
      if (sample.type == type) continue;
      INFO(property.pointer << " = " << sample.text);
      CHECK(verdict(text_with(property.pointer, sample.text)) ==
            "config.json: " + property.pointer + ": must be " + wanted(property.type) + ", got " +
                sample.shown);
    }
  }
}

TEST_CASE("an integer out of range is an error that says the range") {
  for (const Property& property : properties()) {
    if (property.type != "integer") continue;
    const std::vector<std::string> outside = {property.min == "0" ? "-1" : "-92233720368547758080",
                                              property.max + "0", "18446744073709551616",
                                              "-9223372036854775809"};
    for (const std::string& value : outside) {
      INFO(property.pointer << " = " << value);
      CHECK(verdict(text_with(property.pointer, value)) ==
            "config.json: " + property.pointer + ": must be between " + property.min + " and " +
                property.max + ", got " + value);
    }
  }
}

TEST_CASE("a required property that is missing or null is one error") {
  for (const Property& property : properties()) {
    if (property.presence != "required") continue;
    INFO(property.pointer);
    CHECK(verdict(without(every_property(), property.pointer)) ==
          "config.json: " + property.pointer + ": is required");
    CHECK(verdict(with(every_property(), property.pointer, "null")) ==
          "config.json: " + property.pointer + ": is required, got null");
  }
}

TEST_CASE("null for an optional property is the same as none") {
  for (const Property& property : properties()) {
    if (property.presence != "optional") continue;
    INFO(property.pointer);
    const std::string null = with(every_property(), property.pointer, "null").dump();
    const std::string absent = without(every_property(), property.pointer).dump();
    const Checked<Spec> a = parse_spec(null, "config.json");
    const Checked<Spec> b = parse_spec(absent, "config.json");
    CHECK(verdict(null) == verdict(absent));
    REQUIRE(a.has_value() == b.has_value());
    if (a) CHECK(*a == *b);
    if (a) CHECK(print(*a) == print(*b));
  }
}

TEST_CASE("null for an element of a list or a map is an error") {
  for (const Property& property : properties()) {
    if (property.presence != "element") continue;
    INFO(property.pointer);
    CHECK(verdict(with(every_property(), property.pointer, "null")) ==
          "config.json: " + property.pointer + ": must be " + wanted(property.type) + ", got null");
  }
}

TEST_CASE("unknown properties are ignored in every object") {
  const Checked<Spec> spec = parse_spec(every_property().dump(), "config.json");
  REQUIRE(spec);
  for (const Property& property : properties()) {
    const json::json_pointer at(property.pointer);
    if (property.type != "object") continue;
    const bool is_map = property.pointer == "/annotations" || property.pointer == "/linux/sysctl" ||
                        property.pointer == "/linux/resources/unified" ||
                        property.pointer == "/linux/netDevices" ||
                        property.pointer == "/linux/resources/rdma";
    if (is_map) continue;
    INFO(property.pointer);
    const json more =
        with(every_property(), property.pointer + "/ofTomorrow", R"({"a":[1.5,null,{"b":"c"}]})");
    const Checked<Spec> parsed = parse_spec(more.dump(), "config.json");
    REQUIRE(parsed);
    CHECK(*parsed == *spec);
  }
}

TEST_CASE("a wrong name is answered with those that there are") {
  for (const Property& property : properties()) {
    if (property.type != "enum") continue;
    INFO(property.pointer);
    const std::string said = verdict(with(every_property(), property.pointer, R"("nonsense")"));
    CHECK(said.starts_with("config.json: " + property.pointer + ": must be one of \""));
    CHECK(said.ends_with(", got \"nonsense\""));
    CHECK(said.find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace srt::oci
