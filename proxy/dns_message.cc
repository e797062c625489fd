#include "proxy/dns_message.h"

#include <algorithm>

namespace srt::proxy {
namespace {

constexpr size_t kHeader = 12;
constexpr size_t kMaxWireName = 255;
constexpr size_t kMaxAnswer = 512;  // RFC 1035 §4.2.1: what fits every client
constexpr uint16_t kClassIn = 1, kTypeOpt = 41;
constexpr uint16_t kOptionExtendedError = 15, kErrorBlocked = 15;  // RFC 8914
constexpr uint16_t kOurUdpSize = 1232;                             // DNS flag day 2020

// The message from `at` on. A read beyond the end makes it broken; from then on it reads zeros.
struct Reader {
  std::string_view bytes;
  size_t at = 0;
  bool broken = false;

  uint8_t u8() {
    if (at >= bytes.size()) broken = true;
    return broken ? 0 : static_cast<uint8_t>(bytes[at++]);
  }
  uint16_t u16() {
    const uint16_t high = u8();
    return static_cast<uint16_t>(high << 8 | u8());
  }
  std::string_view take(size_t size) {
    if (size > bytes.size() - at) broken = true;
    if (broken) return {};
    at += size;
    return bytes.substr(at - size, size);
  }
};

// A query has one name and nothing before it that a pointer could point at: compression is refused here,
// and with it every loop of pointers.
std::string read_name(Reader& reader) {
  std::string name;
  const size_t start = reader.at;
  while (const uint8_t size = reader.u8()) {
    if (size > 63) reader.broken = true;  // a pointer, or a label type that does not exist
    const std::string_view label = reader.take(size);
    if (reader.at - start + 1 > kMaxWireName) reader.broken = true;
    if (reader.broken) break;
    if (!name.empty()) name += '.';
    for (char c : label) {
      if (c == '.')
        name += '\\';  // a dot inside a label is no separator; canonical_host() refuses "\"
      name += c;
    }
  }
  return name;
}

// One record of the additional section. OPT is the only one that means anything in a query.
void read_additional(Reader& reader, DnsQuestion& question, std::optional<DnsCode>& error) {
  const std::string owner = read_name(reader);
  const uint16_t type = reader.u16();
  const uint16_t klass = reader.u16();
  reader.u8();  // extended code
  const uint8_t version = reader.u8();
  reader.u16();  // flags
  reader.take(reader.u16());
  if (reader.broken || type != kTypeOpt) return;
  if (question.edns || !owner.empty()) {  // RFC 6891 §6.1.1: two are FORMERR
    reader.broken = true;
    return;
  }
  question.edns = true;
  question.udp_size = std::max<uint16_t>(klass, kMaxAnswer);
  if (version != 0) error = DnsCode::kBadVersion;
}

void put8(std::string& out, unsigned value) { out += static_cast<char>(value); }
void put16(std::string& out, unsigned value) {
  put8(out, value >> 8);
  put8(out, value);
}
void put32(std::string& out, uint32_t value) {
  put16(out, value >> 16);
  put16(out, value);
}

void put_address(std::string& out, uint16_t type, uint32_t ttl, const IpAddress& address) {
  put16(out, 0xc000 | kHeader);  // the name of the question
  put16(out, type);
  put16(out, kClassIn);
  put32(out, ttl);
  const auto& bytes = address.bytes();
  const size_t skip = type == kTypeA ? 12 : 0;
  put16(out, static_cast<unsigned>(bytes.size() - skip));
  out.append(bytes.begin() + skip, bytes.end());
}

// As much of `text` as fits, without half a UTF-8 character.
std::string_view cut(std::string_view text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

void put_opt(std::string& out, DnsCode code, std::string_view extended) {
  put8(out, 0);  // the root
  put16(out, kTypeOpt);
  put16(out, kOurUdpSize);
  put8(out, static_cast<unsigned>(code) >> 4);  // the upper bits of the code
  put8(out, 0);                                 // version
  put16(out, 0);                                // flags
  constexpr size_t kOption = 2 + 2 + 2 + 2;     // length of all, code, length, error code
  if (extended.empty() || out.size() + kOption > kMaxAnswer) {
    put16(out, 0);
    return;
  }
  const std::string_view text = cut(extended, kMaxAnswer - kOption - out.size());
  put16(out, static_cast<unsigned>(text.size() + 6));
  put16(out, kOptionExtendedError);
  put16(out, static_cast<unsigned>(text.size() + 2));
  put16(out, kErrorBlocked);
  out += text;
}

}  // namespace

std::optional<ParsedQuery> parse_query(std::string_view message) {
  if (message.size() < kHeader) return std::nullopt;
  Reader reader{message};
  ParsedQuery query;
  query.question.id = reader.u16();
  const uint16_t flags = reader.u16();
  if (flags & 0x8000) return std::nullopt;  // an answer
  query.question.recursion_desired = (flags & 0x0100) != 0;
  const uint16_t questions = reader.u16();
  const uint16_t answers = reader.u16();
  const uint16_t authorities = reader.u16();
  const uint16_t additionals = reader.u16();
  if ((flags >> 11 & 15) != 0) {
    query.error =
        DnsCode::kNotImplemented;  // IQUERY, NOTIFY, UPDATE …: their sections are not ours
    return query;
  }
  if (questions != 1 || answers != 0 || authorities != 0 || (flags & 0x0200) != 0) {
    query.error = DnsCode::kFormat;
    return query;
  }

  DnsQuestion& question = query.question;
  question.name = read_name(reader);
  question.type = reader.u16();
  question.klass = reader.u16();
  if (reader.broken) {
    query.error = DnsCode::kFormat;
    return query;
  }
  question.wire_question = message.substr(kHeader, reader.at - kHeader);
  if (question.klass != kClassIn) query.error = DnsCode::kNotImplemented;
  for (unsigned i = 0; i < additionals && !reader.broken; ++i) {
    read_additional(reader, question, query.error);
  }
  if (reader.broken || reader.at != message.size()) query.error = DnsCode::kFormat;
  return query;
}

std::string print_answer(const DnsQuestion& question, DnsCode code,
                         const std::vector<IpAddress>& addresses, uint32_t ttl,
                         std::string_view extended) {
  const bool v4 = question.type == kTypeA;
  std::vector<IpAddress> fitting;
  for (const IpAddress& address : addresses) {
    const size_t size = (fitting.size() + 1) * (v4 ? 16U : 28U);
    const bool fits = kHeader + question.wire_question.size() + size + 11 <= kMaxAnswer;
    if ((v4 || question.type == kTypeAaaa) && address.is_v4() == v4 && fits)
      fitting.push_back(address);
  }
  std::string out;
  put16(out, question.id);
  const unsigned recursion = question.recursion_desired ? 0x0100 : 0;
  put16(out, 0x8080 | recursion | (static_cast<unsigned>(code) & 15));  // an answer, by a recursor
  put16(out, question.wire_question.empty() ? 0 : 1);
  put16(out, static_cast<unsigned>(fitting.size()));
  put16(out, 0);
  put16(out, question.edns ? 1 : 0);
  out += question.wire_question;
  for (const IpAddress& address : fitting) put_address(out, question.type, ttl, address);
  if (question.edns) put_opt(out, code, extended);
  return out;
}

}  // namespace srt::proxy
