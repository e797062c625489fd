// Documents for the tests of this room, and what parsing them says.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "oci/parse.h"

namespace srt::oci {

// The text of a file below tests/oci/data.
std::string test_data(const std::string& name);

// data/every_property.json: valid, and every property of the specification is there.
nlohmann::json every_property();

// `document` with the value at `pointer` set to `value`, which is JSON text.
nlohmann::json with(nlohmann::json document, const std::string& pointer, const std::string& value);
nlohmann::json without(const nlohmann::json& document, const std::string& pointer);

// What parse_spec says about a document: "" where it is right.
std::string verdict(const std::string& text);
std::string verdict(const nlohmann::json& document);
inline std::string verdict(const char* text) { return verdict(std::string(text)); }

}  // namespace srt::oci
