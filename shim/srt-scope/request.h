// What srt-runtime asks srt-scope to do, one JSON document a packet:
//
//   {"do":"start","buses":[…],"unit":"docker-x.scope","slice":"system.slice","description":"…","properties":[…]}
//   {"do":"attach","buses":[…],"unit":"docker-x.scope","pids":[17]}
//   {"do":"set","buses":[…],"unit":"docker-x.scope","properties":[…]}
//   {"do":"stop","buses":[…],"unit":"docker-x.scope"}
//
// "buses" are tried in their order: sockets of systemd itself (…/systemd/private), and of message buses. With
// "patience" the whole of a request takes so many seconds at most, or kLongestPatience.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "shim/srt-scope/property.h"

namespace srt::scope {

inline constexpr size_t kLargestPacket = size_t{64} << 10;
inline constexpr std::chrono::seconds kLongestPatience{30};

enum class Act { kStart, kAttach, kSet, kStop };

struct Request {
  Act act = Act::kStart;
  std::vector<std::string> buses;
  std::string unit;
  std::optional<std::string> slice, description;
  std::optional<std::vector<Property>> properties;
  std::optional<std::vector<uint32_t>> pids;
  std::optional<uint32_t> patience;
};

// Of what is wrong, the first.
Result<Request> parse_request(std::string_view json);

// systemd.unit(5): its alphabet, 255 bytes at most, something before the ending.
bool is_unit_name(std::string_view name, std::string_view ending);

}  // namespace srt::scope
