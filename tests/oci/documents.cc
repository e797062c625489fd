#include "tests/oci/documents.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace srt::oci {

std::string test_data(const std::string& name) {
  std::ifstream file(std::string(SRT_OCI_TEST_DATA "/") + name);
  if (!file) throw std::runtime_error("no test data " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

nlohmann::json every_property() {
  static const nlohmann::json document = nlohmann::json::parse(test_data("every_property.json"));
  return document;
}

nlohmann::json with(nlohmann::json document, const std::string& pointer, const std::string& value) {
  document[nlohmann::json::json_pointer(pointer)] = nlohmann::json::parse(value);
  return document;
}

nlohmann::json without(const nlohmann::json& document, const std::string& pointer) {
  return document.patch({{{"op", "remove"}, {"path", pointer}}});
}

std::string verdict(const std::string& text) {
  const Checked<Spec> parsed = parse_spec(text, "config.json");
  return parsed ? "" : to_string(parsed.error());
}

std::string verdict(const nlohmann::json& document) { return verdict(document.dump()); }

}  // namespace srt::oci
