// DNS queries of the sandbox, and our answers. RFC 1035, 6891 (EDNS0), 8914 (extended errors).
// Pure over hostile bytes; fuzzed. We never forward a message: an answer is made from nothing but the
// question.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/ip_address.h"

namespace srt::proxy {

struct DnsQuestion {
  uint16_t id = 0;
  bool recursion_desired = false;
  // As sent, labels joined by dots, "" is the root; bytes that are no host name included, and a dot inside
  // a label as "\.", which canonical_host() refuses.
  std::string name;
  uint16_t type = 0, klass = 0;
  bool edns = false;
  uint16_t udp_size = 512;
  std::string wire_question;  // to be echoed, case preserved
};

enum class DnsCode : uint8_t {
  kNoError = 0,
  kFormat = 1,
  kServerFailure = 2,
  kNoSuchName = 3,
  kNotImplemented = 4,
  kBadVersion = 16,  // RFC 6891: an EDNS version other than 0
};

inline constexpr uint16_t kTypeA = 1, kTypeAaaa = 28, kTypePtr = 12;

// Empty: not even a whole header, or itself an answer (drop: two that answer each other never end). A question that is not exactly one standard query of class IN
// has `error` set: answer with that code.
struct ParsedQuery {
  DnsQuestion question;
  std::optional<DnsCode> error;
};
std::optional<ParsedQuery> parse_query(std::string_view message);

// `addresses` of the question's type; none with kNoError is NODATA. `extended`: text of an extended error
// (code 15 "Blocked") where the query had EDNS0. TC is never needed: answers are small.
std::string print_answer(const DnsQuestion& question, DnsCode code,
                         const std::vector<IpAddress>& addresses, uint32_t ttl,
                         std::string_view extended = {});

}  // namespace srt::proxy
