#include "shim/srt-scope/property.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace srt::scope {
namespace {

constexpr size_t kLongestName = 64, kLongestText = 4096, kMostBytes = 4096;

// systemd's own are CamelCase.
bool is_property_name(std::string_view name) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return !name.empty() && name.size() <= kLongestName &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

template <class T>
void read_as(oci::Reader& reader, const oci::Path& path, oci::Value value, PropertyValue& out) {
  reader.read(path, value, out.emplace<T>());
}

constexpr std::array<std::string_view, 7> kTypes = {"b", "i", "u", "x", "t", "s", "ay"};
constexpr std::array kReaders = {read_as<bool>,
                                 read_as<int32_t>,
                                 read_as<uint32_t>,
                                 read_as<int64_t>,
                                 read_as<uint64_t>,
                                 read_as<std::string>,
                                 read_as<std::vector<uint8_t>>};
static_assert(kTypes.size() == kReaders.size() &&
              kTypes.size() == std::variant_size_v<PropertyValue>);

bool too_long(const PropertyValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size() > kLongestText;
  const auto* bytes = std::get_if<std::vector<uint8_t>>(&value);
  return bytes != nullptr && bytes->size() > kMostBytes;
}

}  // namespace

void read_value(oci::Reader& reader, const oci::Path& path, oci::Value value, Property& out) {
  const oci::Value type = value.find("type"), content = value.find("value");
  if (value.kind() != oci::Kind::kObject || value.size() != 3 || !type || !content) {
    return reader.wanted(path, "an object of name, type and value", value);
  }
  reader.read(path / "name", value.find("name"), out.name);
  if (!is_property_name(out.name)) {
    return reader.wanted(path / "name", "the name of a property of systemd", value.find("name"));
  }
  if (type.kind() != oci::Kind::kString) return reader.wanted(path / "type", "a string", type);
  const auto* known = std::find(kTypes.begin(), kTypes.end(), type.text());
  if (known == kTypes.end()) {
    return reader.diagnostics().add(path / "type",
                                    oci::not_one_of(type.text(), kTypes.data(), kTypes.size()));
  }
  kReaders[static_cast<size_t>(known - kTypes.begin())](reader, path / "value", content, out.value);
  if (too_long(out.value)) reader.diagnostics().add(path / "value", "is too long");
}

}  // namespace srt::scope
