#include "proxy/domain_pattern.h"

#include <algorithm>

namespace srt::proxy {
namespace {

constexpr char kLocalhost[] = "localhost";

bool is_loopback_of_localhost(const IpAddress& address) {
  std::array<uint8_t, 16> one{};
  one.back() = 1;
  return address == IpAddress::v4(0x7f000001) || address == IpAddress::v6(one);
}

// By whole labels: "evilexample.com" is not below "example.com".
bool is_below(std::string_view name, std::string_view parent) {
  return name.size() > parent.size() + 1 && name.ends_with(parent) &&
         name[name.size() - parent.size() - 1] == '.';
}

bool exact_host_matches(const Host& mine, const Host& host) {
  if (mine == host) return true;
  return mine.is_name() && mine.name() == kLocalhost && !host.is_name() &&
         is_loopback_of_localhost(host.address());
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (unsigned char c : text.substr(0, 300)) result += c < 0x20 || c == 0x7f ? '?' : char(c);
  return result + '"';
}

// Mistakes that have a better answer than "no host".
std::optional<std::string> teach(std::string_view text) {
  const std::string name = quoted(text);
  if (text.empty()) return "an empty pattern: write a host, like \"example.com\"";
  if (text.find("://") != text.npos)
    return name + " has a scheme: write the host alone, and \":443\" after it to allow one port";
  if (text.find('/') != text.npos)
    return name + " has a \"/\": rules are about hosts, not paths; networks can be listed in " +
           "deniedResolvedAddresses";
  if (text.find('@') != text.npos) return name + " has a user: write the host alone";
  if (text.front() == '.')
    return name + " begins with a dot: " + quoted("*" + std::string(text)) +
           " is every name below it";
  if (text.front() == '[' && text.substr(0, text.find(']')).find(':') == text.npos)
    return name + ": brackets are for IPv6 addresses: \"[::1]\", \"[::1]:443\"";
  if (text.front() != '[' && std::count(text.begin(), text.end(), ':') > 1)
    return name + ": write an IPv6 address in brackets: \"[::1]\", \"[::1]:443\"";
  const size_t star = text.rfind('*');
  const bool leading = star == 0 && (text.size() == 1 || text[1] == '.' || text[1] == ':');
  if (star != text.npos && !leading)
    return name +
           ": a \"*\" can only be the whole first label: \"*.example.com\" is every name below " +
           "example.com";
  return std::nullopt;
}

// "[fe80::1%eth0]:443" without the zone: a rule is about the address, on whichever interface. Only here: a zone
// that a client names is refused (host.cc).
std::string without_zone(std::string_view text) {
  const size_t close = text.find(']');
  const size_t zone = text.substr(0, close).find('%');
  std::string out(text.substr(0, zone));
  if (zone != text.npos) out += text.substr(close);
  return out;
}

std::string host_problem(std::string_view text, HostError error) {
  return quoted(text) + ": " + to_string(error);
}

}  // namespace

tl::expected<DomainPattern, std::string> DomainPattern::parse(std::string_view text,
                                                              PatternList list) {
  if (const std::optional<std::string> mistake = teach(text)) return tl::unexpected(*mistake);
  DomainPattern pattern;
  pattern.text = text;
  const std::string unzoned =
      text.front() == '[' && text.find(']') != text.npos ? without_zone(text) : std::string(text);
  std::string_view rest = unzoned;
  if (rest.starts_with("*.")) {
    pattern.kind = Kind::kBelow;
    rest.remove_prefix(2);
  } else if (rest.front() == '*') {
    if (list == PatternList::kAllow)
      return tl::unexpected(quoted(text) +
                            " would allow every host: list the hosts that are needed; " +
                            "\"*\" stands only in deniedDomains");
    pattern.kind = Kind::kAny;
  }
  // A port is read in one way only: what canonical_host_port() takes as a host needs no second look.
  const std::string any = "any" + std::string(rest.substr(pattern.kind == Kind::kAny ? 1 : 0));
  const auto host = canonical_host_port(pattern.kind == Kind::kAny ? std::string_view(any) : rest);
  if (!host) return tl::unexpected(host_problem(text, host.error()));
  const std::string_view before_port =
      rest.substr(0, rest.front() == '[' ? rest.size() : rest.find(':'));
  if (before_port.ends_with('.'))
    return tl::unexpected(quoted(text) + " ends with a dot: write it without");
  if (host->port && rest[rest.rfind(':') + 1] == '0')
    return tl::unexpected(quoted(text) + ": write the port without leading zeros");
  pattern.port = host->port;
  if (pattern.kind == Kind::kAny) return pattern;
  pattern.host = host->host;
  if (pattern.kind == Kind::kExact) return pattern;

  if (!pattern.host.is_name())
    return tl::unexpected(quoted(text) + ": nothing is below an address: write it without \"*.\"");
  if (pattern.host.name().find('.') == std::string::npos)
    return tl::unexpected(quoted(text) + " is a whole top-level domain: write at least two " +
                          "labels after \"*.\"");
  return pattern;
}

tl::expected<DomainPattern, std::string> DomainPattern::parse_portless(std::string_view text) {
  if (text.starts_with('[')) return tl::unexpected(quoted(text) + ": write it without brackets");
  const bool v6 = text.find(':') != text.npos && IpAddress::parse(text);
  auto pattern = parse(v6 ? "[" + std::string(text) + "]" : std::string(text), PatternList::kAllow);
  if (pattern && pattern->port) {
    return tl::unexpected(quoted(text) + ": write it without a port, since it means them all");
  }
  return pattern;
}

bool DomainPattern::matches(const Host& other, uint16_t other_port) const {
  if (port && *port != other_port) return false;
  switch (kind) {
    case Kind::kAny: return true;
    case Kind::kExact: return exact_host_matches(host, other);
    case Kind::kBelow: return other.is_name() && is_below(other.name(), host.name());
  }
  return false;
}

bool DomainPattern::covers(const DomainPattern& other) const {
  if (port && port != other.port) return false;
  switch (kind) {
    case Kind::kAny: return true;
    case Kind::kExact: return other.kind == Kind::kExact && exact_host_matches(host, other.host);
    case Kind::kBelow:
      switch (other.kind) {
        case Kind::kAny: return false;
        case Kind::kExact: return other.host.is_name() && is_below(other.host.name(), host.name());
        case Kind::kBelow: return other.host == host || is_below(other.host.name(), host.name());
      }
  }
  return false;
}

}  // namespace srt::proxy
