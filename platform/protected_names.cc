#include "platform/protected_names.h"

namespace srt::platform {
namespace {

struct Fold {
  std::string_view from, to;
};

// Everything outside ASCII whose full case folding is ASCII (CaseFolding.txt, status C and F), and the
// code points that utf8-12.1 casefolding drops (those that git refuses in ".git" for HFS+, and more).
constexpr Fold kFolds[] = {
    {"\u212a", "k"},  {"\u017f", "s"},  {"\u00df", "ss"},  {"\u1e9e", "ss"},  {"\ufb00", "ff"},
    {"\ufb01", "fi"}, {"\ufb02", "fl"}, {"\ufb03", "ffi"}, {"\ufb04", "ffl"}, {"\ufb05", "st"},
    {"\ufb06", "st"}, {"\u00ad", ""},   {"\u034f", ""},    {"\u061c", ""},    {"\u115f", ""},
    {"\u1160", ""},   {"\u17b4", ""},   {"\u17b5", ""},    {"\u180b", ""},    {"\u180c", ""},
    {"\u180d", ""},   {"\u180e", ""},   {"\u200b", ""},    {"\u200c", ""},    {"\u200d", ""},
    {"\u200e", ""},   {"\u200f", ""},   {"\u202a", ""},    {"\u202b", ""},    {"\u202c", ""},
    {"\u202d", ""},   {"\u202e", ""},   {"\u2060", ""},    {"\u2061", ""},    {"\u2062", ""},
    {"\u2063", ""},   {"\u2064", ""},   {"\u2065", ""},    {"\u2066", ""},    {"\u2067", ""},
    {"\u2068", ""},   {"\u2069", ""},   {"\u206a", ""},    {"\u206b", ""},    {"\u206c", ""},
    {"\u206d", ""},   {"\u206e", ""},   {"\u206f", ""},    {"\u3164", ""},    {"\ufeff", ""},
    {"\uffa0", ""},
};

// U+FE00…FE0F and U+E0000…E0FFF: variation selectors and tags. The number of bytes, or 0.
size_t ignorable_block(std::string_view at) {
  if (at.size() >= 3 && at.starts_with("\xef\xb8") && static_cast<unsigned char>(at[2]) <= 0x8f) {
    return 3;
  }
  return at.size() >= 4 && at.starts_with("\xf3\xa0") ? 4 : 0;
}

}  // namespace

std::string fold_name(std::string_view name) {
  std::string folded;
  folded.reserve(name.size());
  while (!name.empty()) {
    const char c = name[0];
    if (static_cast<unsigned char>(c) < 0x80) {
      folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
      name.remove_prefix(1);
      continue;
    }
    size_t taken = ignorable_block(name);
    for (const Fold& fold : kFolds) {
      if (taken != 0) break;
      if (!name.starts_with(fold.from)) continue;
      folded += fold.to;
      taken = fold.from.size();
    }
    if (taken == 0) {
      folded += c;
      taken = 1;
    }
    name.remove_prefix(taken);
  }
  // ".git." and ".git " are ".git" to file systems of Windows.
  if (const size_t last = folded.find_last_not_of(". "); last != folded.npos) {
    folded.resize(last + 1);
  }
  return folded;
}

}  // namespace srt::platform
