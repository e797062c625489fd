// Amounts in a policy document, which people write in more than one way.
#pragma once

#include <cstdint>
#include <optional>

#include "oci/diagnostics.h"
#include "oci/read.h"
#include "oci/write.h"

namespace srt::runtime {

// 1048576, "512k", "64m", "2g", "1t", each also with "b" or "ib" behind it: powers of 1024. Above zero.
struct ByteCount {
  uint64_t bytes = 0;
  bool operator==(const ByteCount&) const = default;
};
void read_value(oci::Reader& reader, const oci::Path& path, oci::Value value, ByteCount& out);
void write(oci::JsonWriter& writer, const ByteCount& count);

// 2, 1.5 or "1.5", to the thousandth: more than zero, at most 1,000,000.
struct CpuCount {
  uint32_t milli = 0;
  bool operator==(const CpuCount&) const = default;
};
void read_value(oci::Reader& reader, const oci::Path& path, oci::Value value, CpuCount& out);
void write(oci::JsonWriter& writer, const CpuCount& count);

void check_range(const oci::Path& path, const std::optional<uint32_t>& number, uint32_t min,
                 uint32_t max, oci::Diagnostics& diagnostics);

}  // namespace srt::runtime
