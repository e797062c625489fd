#include "proxy/idna.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>

namespace srt::proxy {
namespace {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. Takes the bytes off `text`.
std::optional<char32_t> next_character(std::string_view& text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  size_t size = 1;
  char32_t c = lead;
  char32_t least = 0;
  if (lead >= 0x80) {
    if (lead < 0xc2 || lead > 0xf4) return std::nullopt;
    size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    c = lead & (0x7f >> size);
    least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
  }
  if (text.size() < size) return std::nullopt;
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return std::nullopt;
    c = c << 6 | (at(i) & 0x3f);
  }
  if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return std::nullopt;
  text.remove_prefix(size);
  return c;
}

// How the characters of a range are mapped.
enum class Map {
  kSelf,
  kAdd,   // plus `by`
  kEven,  // pairs, the even one is the capital: plus one
  kOdd,   // pairs, the odd one is the capital
};
struct Range {
  char32_t first, last;
  Map map = Map::kSelf;
  int32_t by = 0;
};

// Sorted. All of it stable under NFC, and mapped alike by every version of UTS #46 since Unicode 6.
constexpr Range kRanges[] = {
    {0x00c0, 0x00d6, Map::kAdd, 32},  // Latin-1, without × and ÷
    {0x00d8, 0x00de, Map::kAdd, 32},  //
    {0x00df, 0x00f6},                 // with ß: non-transitional
    {0x00f8, 0x00ff},                 //
    {0x0100, 0x012f, Map::kEven},  // Latin Extended-A, without İ (two characters), Ĳ, Ŀ, ŉ, ſ
    {0x0131, 0x0131},              // ı
    {0x0134, 0x0137, Map::kEven},  //
    {0x0138, 0x0138},              //
    {0x0139, 0x013e, Map::kOdd},   //
    {0x0141, 0x0148, Map::kOdd},   //
    {0x014a, 0x0177, Map::kEven},  //
    {0x0178, 0x0178, Map::kAdd, -121},  // Ÿ
    {0x0179, 0x017e, Map::kOdd},        //
    {0x0386, 0x0386, Map::kAdd, 38},    // Greek
    {0x0388, 0x038a, Map::kAdd, 37},    //
    {0x038c, 0x038c, Map::kAdd, 64},    //
    {0x038e, 0x038f, Map::kAdd, 63},    //
    {0x0390, 0x0390},                   //
    {0x0391, 0x03a1, Map::kAdd, 32},    //
    {0x03a3, 0x03ab, Map::kAdd, 32},    //
    {0x03ac, 0x03ce},                   // with ς: non-transitional
    {0x0400, 0x040f, Map::kAdd, 80},    // Cyrillic
    {0x0410, 0x042f, Map::kAdd, 32},    //
    {0x0430, 0x045f},                   //
    {0x0460, 0x0481, Map::kEven},       //
    {0x048a, 0x04bf, Map::kEven},       //
    {0x04c1, 0x04ce, Map::kOdd},        //
    {0x04d0, 0x0527, Map::kEven},       //
    {0x05d0, 0x05ea},                   // Hebrew letters
    {0x0620, 0x063f},                   // Arabic letters
    {0x0641, 0x064a},                   //
    {0x0679, 0x06d3},                   //
    {0x3005, 0x3005},                   // 々
    {0x3041, 0x3096},                   // Hiragana
    {0x30a1, 0x30fa},                   // Katakana
    {0x30fc, 0x30fc},                   // ー
    {0x3105, 0x312d},                   // Bopomofo
    {0x3400, 0x4db5},                   // CJK Extension A
    {0x4e00, 0x9fcb},                   // CJK unified ideographs
    {0xac00, 0xd7a3},                   // Hangul syllables
    {0x20000, 0x2a6d6},                 // CJK Extension B
};

std::optional<char32_t> map_character(char32_t c) {
  if (c == 0x3002 || c == 0xff0e || c == 0xff61) return U'.';  // RFC 3490 §3.1: also full stops
  // A fullwidth form stands for its ASCII character; it is judged as that one afterwards, so that
  // "evil.com％00" or "a／b" gain nothing.
  if (c >= 0xff01 && c <= 0xff5e) c -= 0xfee0;
  if (c < 0x80) return c >= U'A' && c <= U'Z' ? c + 32 : c;
  const auto range = std::partition_point(std::begin(kRanges), std::end(kRanges),
                                          [&](const Range& r) { return r.last < c; });
  if (range == std::end(kRanges) || c < range->first) return std::nullopt;
  switch (range->map) {
    case Map::kSelf: return c;
    case Map::kAdd: return static_cast<char32_t>(static_cast<int32_t>(c) + range->by);
    case Map::kEven: return c | 1;
    case Map::kOdd: return c % 2 == 1 ? c + 1 : c;
  }
  return std::nullopt;
}

// RFC 3492 §5 and §6.1.
constexpr uint32_t kBase = 36, kTMin = 1, kTMax = 26, kSkew = 38, kDamp = 700;

uint32_t adapt(uint32_t delta, uint32_t points, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / points;
  uint32_t k = 0;
  for (; delta > (kBase - kTMin) * kTMax / 2; k += kBase) delta /= kBase - kTMin;
  return k + (kBase - kTMin + 1) * delta / (delta + kSkew);
}

char digit(uint32_t value) {
  return static_cast<char>(value < 26 ? 'a' + value : '0' + value - 26);
}

void append_number(std::string& text, uint32_t value, uint32_t bias) {
  for (uint32_t k = kBase;; k += kBase) {
    const uint32_t t = k <= bias ? kTMin : k >= bias + kTMax ? kTMax : k - bias;
    if (value < t) break;
    text += digit(t + (value - t) % (kBase - t));
    value = (value - t) / (kBase - t);
  }
  text += digit(value);
}

// RFC 3492 §6.3. `label` is at most 63 characters long, so that 32 bits cannot overflow.
std::string punycode(std::u32string_view label) {
  std::string text;
  for (char32_t c : label) {
    if (c < 0x80) text += static_cast<char>(c);
  }
  const uint32_t basic = static_cast<uint32_t>(text.size());
  uint32_t done = basic;
  if (basic > 0) text += '-';
  uint32_t n = 0x80;
  uint32_t delta = 0;
  uint32_t bias = 72;
  while (done < label.size()) {
    uint32_t next = std::numeric_limits<uint32_t>::max();
    for (char32_t c : label) {
      if (c >= n) next = std::min<uint32_t>(next, c);
    }
    delta += (next - n) * (done + 1);
    n = next;
    for (char32_t c : label) {
      if (c < n) ++delta;
      if (c != n) continue;
      append_number(text, delta, bias);
      bias = adapt(delta, done + 1, done == basic);
      delta = 0;
      ++done;
    }
    ++delta;
    ++n;
  }
  return text;
}

}  // namespace

std::optional<std::u32string> map_host(std::string_view utf8) {
  std::u32string mapped;
  while (!utf8.empty()) {
    const std::optional<char32_t> c = next_character(utf8);
    const std::optional<char32_t> to = c ? map_character(*c) : std::nullopt;
    if (!to) return std::nullopt;
    mapped += *to;
  }
  return mapped;
}

std::optional<std::string> to_a_label(std::u32string_view label) {
  constexpr size_t kMaxLabel = 63;
  if (label.size() > kMaxLabel) return std::nullopt;
  if (std::all_of(label.begin(), label.end(), [](char32_t c) { return c < 0x80; }))
    return std::string(label.begin(), label.end());
  if (label.substr(0, 4) == U"xn--") return std::nullopt;
  std::string text = "xn--" + punycode(label);
  if (text.size() > kMaxLabel) return std::nullopt;
  return text;
}

}  // namespace srt::proxy
