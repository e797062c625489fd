#include "proxy/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace srt::proxy {
namespace {

constexpr uint32_t word(const std::array<uint8_t, 16>& bytes, size_t at) {
  return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<uint32_t> strict_v4(std::string_view text) {
  uint32_t value = 0;
  for (int part = 0; part < 4; ++part) {
    const size_t size = std::min(text.find('.'), text.size());
    const std::string_view digits = text.substr(0, size);
    if (digits.empty() || digits.size() > 3 || !std::all_of(digits.begin(), digits.end(), is_digit))
      return std::nullopt;
    if (digits.size() > 1 && digits[0] == '0') return std::nullopt;  // octal to some readers
    unsigned number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (number > 255) return std::nullopt;
    value = value << 8 | number;
    const bool last = part == 3;
    if (last != (size == text.size())) return std::nullopt;
    if (!last) text.remove_prefix(size + 1);
  }
  return value;
}

// One part of an inet_aton(3) address: 0x… is hexadecimal, 0… octal. Any number of leading zeros.
std::optional<uint64_t> aton_number(std::string_view text) {
  int base = 10;
  if (text.size() > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<uint32_t> aton_v4(std::string_view text) {
  uint64_t value = 0;
  for (int part = 0; part < 4; ++part) {
    const size_t size = std::min(text.find('.'), text.size());
    const std::optional<uint64_t> number = aton_number(text.substr(0, size));
    if (!number) return std::nullopt;
    if (size == text.size()) {  // the last part fills what is left of the 32 bits
      const int bits = 32 - 8 * part;
      if (*number >> bits != 0) return std::nullopt;
      return static_cast<uint32_t>(value << bits | *number);
    }
    if (*number > 255) return std::nullopt;
    value = value << 8 | *number;
    text.remove_prefix(size + 1);
  }
  return std::nullopt;
}

std::string v4_text(uint32_t address) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += std::to_string(address >> shift & 0xff);
    if (shift != 0) text += '.';
  }
  return text;
}

void append_hex(std::string& text, unsigned group) {
  char digits[4];
  const auto end = std::to_chars(digits, digits + sizeof digits, group, 16).ptr;
  text.append(digits, end);
}

// RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as "::".
std::string v6_text(const std::array<uint8_t, 16>& bytes) {
  std::array<unsigned, 8> groups{};
  for (size_t i = 0; i < 8; ++i) groups[i] = unsigned{bytes[2 * i]} << 8 | bytes[2 * i + 1];
  size_t run = 8;
  size_t run_size = 1;
  for (size_t i = 0; i < 8; ++i) {
    size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > run_size) {
      run = i;
      run_size = end - i;
    }
  }
  std::string text;
  for (size_t i = 0; i < 8; ++i) {
    if (i == run) {
      text += "::";
      i += run_size - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    append_hex(text, groups[i]);
  }
  return text;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const std::optional<uint32_t> address = strict_v4(text);
    return address ? std::optional(v4(*address)) : std::nullopt;
  }
  // inet_pton(3) ends at a NUL: "::1\0.evil" is none.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, std::string(text).c_str(), bytes.data()) != 1) return std::nullopt;
  return v6(bytes);
}

std::optional<IpAddress> IpAddress::parse_any_spelling(std::string_view text) {
  if (const std::optional<IpAddress> strict = parse(text)) return strict;
  const std::optional<uint32_t> address = aton_v4(text);
  return address ? std::optional(v4(*address)) : std::nullopt;
}

bool IpAddress::is_v4() const {
  return word(bytes_, 0) == 0 && word(bytes_, 4) == 0 && word(bytes_, 8) == 0xffff;
}

uint32_t IpAddress::to_v4() const { return word(bytes_, 12); }

std::optional<IpAddress> IpAddress::inner_v4() const {
  const uint32_t first = word(bytes_, 0);
  const uint32_t second = word(bytes_, 4);
  const uint32_t third = word(bytes_, 8);
  const uint32_t last = word(bytes_, 12);
  if (is_v4()) return *this;
  // RFC 4291 §2.5.5.1, compatible; :: and ::1 are addresses of their own.
  if (first == 0 && second == 0 && third == 0)
    return last > 1 ? std::optional(v4(last)) : std::nullopt;
  // RFC 2765, translated: ::ffff:0:a.b.c.d
  if (first == 0 && second == 0 && third == 0xffff0000) return v4(last);
  if (first == 0x0064ff9b && second == 0 && third == 0) return v4(last);  // RFC 6052
  if (first == 0x0064ff9b && second >> 16 == 1) return v4(last);          // RFC 8215
  if (first >> 16 == 0x2002) return v4(first << 16 | second >> 16);       // RFC 3056, 6to4
  if (first == 0x20010000) return v4(~last);  // RFC 4380, Teredo: the client, inverted
  if ((third & 0xfdffffff) == 0x00005efe) return v4(last);  // RFC 5214, ISATAP
  return std::nullopt;
}

std::string IpAddress::to_text() const { return is_v4() ? v4_text(to_v4()) : v6_text(bytes_); }

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<IpAddress> base = IpAddress::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  IpNetwork network{*base, 128};
  if (slash == std::string_view::npos) return network;

  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3 || !std::all_of(digits.begin(), digits.end(), is_digit) ||
      (digits.size() > 1 && digits[0] == '0'))
    return std::nullopt;
  unsigned prefix = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  // "::ffff:0:0/96" is written as v6 and counts in v6 bits.
  const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
  if (prefix > (dotted ? 32U : 128U)) return std::nullopt;
  network.prefix = dotted ? prefix + 96 : prefix;
  for (unsigned bit = network.prefix; bit < 128; ++bit) {
    if (base->bytes()[bit / 8] >> (7 - bit % 8) & 1) return std::nullopt;
  }
  return network;
}

std::optional<IpNetwork> IpNetwork::parse_around(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view host = text.substr(0, std::min(slash, text.find('%')));
  const std::optional<IpAddress> address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  IpNetwork network{*address, 128};
  if (slash == std::string_view::npos) return network;

  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3 || !std::all_of(digits.begin(), digits.end(), is_digit))
    return std::nullopt;
  unsigned prefix = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  const bool dotted = host.find(':') == std::string_view::npos;
  if (prefix > (dotted ? 32U : 128U)) return std::nullopt;
  network.prefix = dotted ? prefix + 96 : prefix;
  // "::ffff:10.0.0.0/90" is neither a v4 network nor one that anybody means.
  if (address->is_v4() && network.prefix < 96) return std::nullopt;
  std::array<uint8_t, 16> bytes = address->bytes();
  for (unsigned bit = network.prefix; bit < 128; ++bit) {
    bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
  }
  network.base = IpAddress::v6(bytes);
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  const size_t whole = prefix / 8;
  const auto& mine = base.bytes();
  const auto& other = address.bytes();
  if (!std::equal(mine.begin(), mine.begin() + whole, other.begin())) return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || (mine[whole] ^ other[whole]) >> (8 - rest) == 0;
}

std::string IpNetwork::to_text() const {
  if (prefix == 128) return base.to_text();
  if (base.is_v4() && prefix >= 96) return base.to_text() + "/" + std::to_string(prefix - 96);
  return base.to_text() + "/" + std::to_string(prefix);
}

std::string Endpoint::to_text() const {
  const std::string host = address.to_text();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace srt::proxy
