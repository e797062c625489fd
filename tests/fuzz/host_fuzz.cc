// Any bytes as a host, a host with a port, a pattern and an address: what is accepted is canonical, and
// nothing that a resolver could read as an address stays a name.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/domain_pattern.h"
#include "proxy/host.h"
#include "stop.h"

namespace {

using namespace srt::proxy;  // NOLINT: a program of one file

void check_name(const std::string& name) {
  if (name.empty() || name.size() > 253) stop("a name without a proper length", name);
  size_t label = 0;
  for (char c : name) {
    const bool host = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (c == '.' && label == 0) stop("an empty label", name);
    if (c != '.' && !host) stop("a byte that no host has", name);
    label = c == '.' ? 0 : label + 1;
    if (label > 63) stop("a long label", name);
  }
  if (label == 0) stop("a trailing dot", name);
  in_addr address{};
  if (inet_aton(name.c_str(), &address) != 0) stop("a name that inet_aton() takes", name);
  in6_addr v6{};
  if (inet_pton(AF_INET6, name.c_str(), &v6) == 1) stop("a name that is a v6 address", name);
}

void check_host(const Host& host) {
  if (host.is_name()) check_name(host.name());
  const auto again = canonical_host(host.to_text());
  if (!again || !(*again == host)) stop("a host that is not canonical", host.to_text());
}

// Where the C library takes plain text for an address, so must we, and for the same one.
void compare_with_libc(const std::string& text) {
  if (text.find_first_not_of("0123456789abcdefABCDEFxX.") != std::string::npos) return;
  in_addr expected{};
  const bool taken = inet_aton(text.c_str(), &expected) != 0;
  const auto ours = IpAddress::parse_any_spelling(text);
  if (taken != ours.has_value()) stop("inet_aton() disagrees that it is an address", text);
  if (taken && ours->to_v4() != ntohl(expected.s_addr)) stop("inet_aton() has another one", text);
}

void check_pattern(std::string_view text, PatternList list) {
  const auto pattern = DomainPattern::parse(text, list);
  if (!pattern) {
    if (pattern.error().empty()) stop("an error without a text", text);
    for (unsigned char c : pattern.error()) {
      if (c < 0x20 || c == 0x7f) stop("a control character in an error", text);
    }
    return;
  }
  if (!pattern->covers(*pattern)) stop("a pattern that does not cover itself", text);
  if (list == PatternList::kAllow && pattern->kind == DomainPattern::Kind::kAny)
    stop("everything is allowed", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto host = canonical_host(text)) check_host(*host);
  if (const auto both = canonical_host_port(text)) {
    check_host(both->host);
    if (both->port == 0) stop("port 0", text);
  }
  compare_with_libc(std::string(text));
  check_pattern(text, PatternList::kAllow);
  check_pattern(text, PatternList::kDeny);
  if (const auto network = IpNetwork::parse(text)) {
    if (!network->contains(network->base)) stop("a network without its base", text);
    const auto again = IpNetwork::parse(network->to_text());
    if (!again || !(*again == *network))
      stop("a network that is not canonical", network->to_text());
  }
  return 0;
}
