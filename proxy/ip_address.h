// One address type for both families, so that no rule is written twice.
//
//   auto a = IpAddress::parse_any_spelling("0x7f.1");   // 127.0.0.1
//   a->is_v4(); a->inner_v4();                          // the v4 address inside ::ffff:…, 64:ff9b::…, 2002:…
//
// Value types; no allocation, no I/O, usable from any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace srt::proxy {

class IpAddress {
 public:
  constexpr IpAddress() = default;  // ::
  static constexpr IpAddress v4(uint32_t host_order) {
    IpAddress address;
    address.bytes_[10] = address.bytes_[11] = 0xff;
    for (int i = 0; i < 4; ++i) {
      address.bytes_[12 + i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
    }
    return address;
  }
  static constexpr IpAddress v6(const std::array<uint8_t, 16>& bytes) {
    IpAddress address;
    address.bytes_ = bytes;
    return address;
  }

  // Strict text: four decimal numbers without leading zeros, or RFC 4291 without brackets or zone.
  static std::optional<IpAddress> parse(std::string_view text);
  // Also every spelling that inet_aton(3) takes: 127.1, 0x7f000001, 0177.0.0.1, 2130706433. What a
  // resolver further on would read as an address must be judged as one.
  static std::optional<IpAddress> parse_any_spelling(std::string_view text);

  bool is_v4()
      const;  // a v4 address, or a v6 one that is mapped (::ffff:0:0/96): they are the same
  uint32_t to_v4() const;  // host order; only if is_v4()
  // The v4 address that a translator or tunnel would reach: mapped, compatible, NAT64 (64:ff9b::/96 and
  // 64:ff9b:1::/48), 6to4, Teredo, ISATAP.
  std::optional<IpAddress> inner_v4() const;
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }  // network order, v4 as mapped

  std::string to_text() const;  // canonical, RFC 5952; v4 dotted
  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

struct IpNetwork {
  IpAddress base;
  unsigned prefix = 128;  // bits of the 128; a v4 /8 is 104

  // "10.0.0.0/8", "fd00::/8", or a single address; host bits set are an error.
  static std::optional<IpNetwork> parse(std::string_view text);
  // The network that the address is in, as people write it: "10.1.2.3/8" is 10.0.0.0/8. A zone
  // ("fe80::1%eth0") says nothing.
  static std::optional<IpNetwork> parse_around(std::string_view text);
  bool contains(const IpAddress& address) const;
  std::string to_text() const;
  bool operator==(const IpNetwork&) const = default;
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;
  std::string to_text() const;  // 1.2.3.4:80, [::1]:80
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace srt::proxy
