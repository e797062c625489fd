// One entry of allowedDomains or deniedDomains.
//
//   host          that name (or that address, if it is one)        localhost   127.0.0.1 and ::1 of the host
//   *.a.b         any name below a.b, at any depth; not a.b itself, never an address
//   host:port     only that port; [v6], [v6]:port
//   *  *:22       any host: only in a deny list
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "proxy/host.h"

namespace srt::proxy {

enum class PatternList { kAllow, kDeny };

struct DomainPattern {
  enum class Kind { kExact, kBelow, kAny };
  Kind kind = Kind::kExact;
  Host host;                     // kExact: the host; kBelow: the name after "*."
  std::optional<uint16_t> port;  // empty: all
  std::string text;              // as it was written, for messages

  // The error is a sentence for the person who wrote it: `"*.com" would allow a whole top-level domain:
  // write at least two labels after "*."`.
  static tl::expected<DomainPattern, std::string> parse(std::string_view text, PatternList list);

  // An entry of a list of hosts, all ports of each: mitmProxy.domains. Without a port to be told from, an IPv6
  // address needs no brackets, and has none.
  static tl::expected<DomainPattern, std::string> parse_portless(std::string_view text);

  bool matches(const Host& host, uint16_t port) const;
  // Whether everything that `other` matches is matched by this one, too: a ceiling.
  bool covers(const DomainPattern& other) const;
  bool operator==(const DomainPattern&) const = default;
};

}  // namespace srt::proxy
