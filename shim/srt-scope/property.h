// A property of a unit, as srt-runtime names it: {"name":"MemoryMax","type":"t","value":123}. Data only.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "oci/read.h"

namespace srt::scope {

// D-Bus's names: b, i, u, x, t, s, ay.
using PropertyValue =
    std::variant<bool, int32_t, uint32_t, int64_t, uint64_t, std::string, std::vector<uint8_t>>;

struct Property {
  std::string name;
  PropertyValue value;
  bool operator==(const Property&) const = default;
};

// The number must fit the type: systemd is never told another than what was asked for.
void read_value(oci::Reader& reader, const oci::Path& path, oci::Value value, Property& out);

}  // namespace srt::scope
