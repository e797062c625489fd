// A destination's host, canonicalised once. What was checked is what is dialled.
//
//   Host h = *canonical_host("WWW.Example.COM.");       // name "www.example.com"
//   Host h = *canonical_host("[::ffff:7f00:1]");        // address 127.0.0.1
//   canonical_host("evil.com%00.ok.com")                // HostError::kMalformed
//
// Pure functions over hostile bytes: bounded, fuzzed (tests/fuzz/host_fuzz.cc).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <tl/expected.hpp>

#include "proxy/ip_address.h"

namespace srt::proxy {

struct Host {
  // Lower-case A-labels without a trailing dot, or an address. Never a name that any resolver would
  // read as an address (all-numeric last label: such a text is an address or malformed).
  std::variant<std::string, IpAddress> value;

  bool is_name() const { return value.index() == 0; }
  const std::string& name() const { return std::get<0>(value); }
  const IpAddress& address() const { return std::get<1>(value); }
  // "localhost" and all below it (RFC 6761 §6.3): 127.0.0.1 and ::1, which is no question for a resolver.
  bool is_localhost() const;
  std::string to_text() const;  // addresses without brackets
  bool operator==(const Host&) const = default;
};

enum class HostError {
  kEmpty,
  kControl,  // NUL, control bytes, spaces, '%', '@', '/', '\\' and whatever else is not in a host
  kLabel,   // empty, longer than 63, or with a leading or trailing hyphen where RFC 1123 forbids it
  kLength,  // over 253
  kAddress,  // looks like an address and is none: "1.2.3.256", "0x", "[::1", zone ids
  kUnicode,  // not UTF-8, or a character that we cannot map exactly
  kPort,     // canonical_host_port() only: not a number from 1 to 65535
};
const char* to_string(HostError error);

// `text` may have brackets around a v6 address, one trailing dot, Unicode (IDNA; what cannot be mapped
// exactly is refused), upper case, any inet_aton spelling.
tl::expected<Host, HostError> canonical_host(std::string_view text);

// "host", "host:443", "[::1]:443": for Host headers, CONNECT targets. Ports: 1 to 65535, digits only.
struct HostPort {
  Host host;
  std::optional<uint16_t> port;
  bool operator==(const HostPort&) const = default;
};
tl::expected<HostPort, HostError> canonical_host_port(std::string_view text);

}  // namespace srt::proxy
