#include "proxy/synthetic_addresses.h"

#include <algorithm>

namespace srt::proxy {
namespace {

constexpr uint32_t kV4Base =
    198U << 24 | 18U << 16;  // RFC 2544: nobody's, and not private to anybody
constexpr uint32_t kV4Count = 1U << 17;
// A ULA (RFC 4193) with a random global id. The last 32 bits are the index.
constexpr std::array<uint8_t, 16> kV6Base{0xfd, 0x9b, 0x6e, 0x31, 0x0c, 0xd4};

constexpr IpAddress v4_of(uint32_t index) { return IpAddress::v4(kV4Base + index); }
constexpr IpAddress v6_of(uint32_t index) {
  std::array<uint8_t, 16> bytes = kV6Base;
  for (size_t i = 0; i < 4; ++i) bytes[12 + i] = static_cast<uint8_t>(index >> (24 - 8 * i));
  return IpAddress::v6(bytes);
}

std::optional<uint32_t> index_of(const IpAddress& address) {
  uint32_t index = address.to_v4();
  if (address.is_v4()) index -= kV4Base;
  if (index == 0 || index >= kV4Count) return std::nullopt;
  if (address != v4_of(index) && address != v6_of(index)) return std::nullopt;
  return index;
}

}  // namespace

SyntheticAddresses::SyntheticAddresses(size_t limit)
    // Half of the range stays free, so that an address that was given back rests before its next name.
    : limit_(std::clamp<size_t>(limit, 1, kV4Count / 2)) {}

bool SyntheticAddresses::is_synthetic(const IpAddress& address) {
  if (address.is_v4()) return address.to_v4() - kV4Base < kV4Count;
  return std::equal(kV6Base.begin(), kV6Base.begin() + 8, address.bytes().begin());
}

std::optional<SyntheticAddresses::Pair> SyntheticAddresses::give(const std::string& name) {
  if (const auto known = entries_.find(name); known != entries_.end()) {
    oldest_first_.splice(oldest_first_.end(), oldest_first_, known->second.age);
    return Pair{v4_of(known->second.index), v6_of(known->second.index)};
  }
  if (entries_.size() >= limit_) {
    const auto victim =
        std::find_if(oldest_first_.begin(), oldest_first_.end(),
                     [&](const std::string& old) { return entries_.at(old).pins == 0; });
    if (victim == oldest_first_.end()) return std::nullopt;
    by_index_.erase(entries_.at(*victim).index);
    entries_.erase(*victim);
    oldest_first_.erase(victim);
  }
  // Round and round: a program that still holds an old address meets another name as late as can be.
  while (by_index_.count(next_) != 0) next_ = next_ + 1 < kV4Count ? next_ + 1 : 1;
  const uint32_t index = next_;
  next_ = next_ + 1 < kV4Count ? next_ + 1 : 1;
  const auto age = oldest_first_.insert(oldest_first_.end(), name);
  entries_.emplace(name, Entry{index, 0, age});
  by_index_.emplace(index, name);
  return Pair{v4_of(index), v6_of(index)};
}

std::optional<std::string> SyntheticAddresses::name_of(const IpAddress& address) {
  const std::optional<uint32_t> index = index_of(address);
  const auto known = index ? by_index_.find(*index) : by_index_.end();
  if (known == by_index_.end()) return std::nullopt;
  oldest_first_.splice(oldest_first_.end(), oldest_first_, entries_.at(known->second).age);
  return known->second;
}

void SyntheticAddresses::pin(const std::string& name) {
  if (const auto entry = entries_.find(name); entry != entries_.end()) ++entry->second.pins;
}

void SyntheticAddresses::unpin(const std::string& name) {
  const auto entry = entries_.find(name);
  if (entry != entries_.end() && entry->second.pins > 0) --entry->second.pins;
}

}  // namespace srt::proxy
