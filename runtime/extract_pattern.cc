#include "runtime/extract_pattern.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "oci/utf8.h"

namespace srt::runtime {
namespace {

constexpr char16_t kNone = 0xffff;  // no character of a text: what stands behind the end

// As JavaScript holds a text: "[😀-😁]" is a set of four halves, and no good range.
std::u16string utf16(std::string_view text) {
  std::u16string units;
  while (!text.empty()) {
    const char32_t c = oci::take_character(text);
    if (c < 0x10000) {
      units += static_cast<char16_t>(c);
    } else {
      units += static_cast<char16_t>(0xd800 + ((c - 0x10000) >> 10));
      units += static_cast<char16_t>(0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  }
  return units;
}

bool is_digit(char16_t c) { return c >= u'0' && c <= u'9'; }
bool is_letter(char16_t c) { return (c | 0x20) >= u'a' && (c | 0x20) <= u'z'; }
bool begins_name(char16_t c) {
  return is_letter(c) || c == u'$' || c == u'_' || (c >= 0x80 && c != kNone);
}

int hex_digit(char16_t c) {
  if (is_digit(c)) return c - u'0';
  const char16_t small = c | 0x20;
  return small >= u'a' && small <= u'f' ? small - u'a' + 10 : -1;
}

// ECMA-262 §22.2.1 with the additions of annex B.1.2, which engines follow where no flag forbids it.
class Check {
 public:
  explicit Check(std::string_view pattern) : text_(utf16(pattern)) {}

  std::optional<std::string> run() {
    while (!problem_ && at_ < text_.size()) term();
    if (!problem_ && !open_.empty()) problem_ = "a group is not closed";
    if (!problem_ && groups_ == 0) problem_ = "it has no group: the secret is the first, \"(…)\"";
    if (!problem_ && !names_.empty()) check_references();
    return problem_;
  }

 private:
  struct Group {
    bool looks_behind = false;
  };

  char16_t next(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : kNone;
  }
  bool take(std::u16string_view word) {
    if (std::u16string_view(text_).substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  void term() {
    const char16_t c = next();
    switch (c) {
      case u'|':
      case u'^':
      case u'$': return bare();
      case u'(': return open();
      case u')': return close();
      case u'[': return set();
      case u'\\': return escape();
      case u'*':
      case u'+':
      case u'?': return quantifier(0, 0);
      case u'{': {
        uint64_t least = 0, most = 0;
        const size_t end = braces(least, most);
        if (end == 0) return atom(1);  // "{" by itself
        at_ = end - 1;
        return quantifier(least, most);
      }
      default: return atom(1);
    }
  }

  void bare() {
    ++at_;
    repeatable_ = false;
  }
  void atom(size_t size) {
    at_ += size;
    repeatable_ = true;
  }

  // at_ is on its last character.
  void quantifier(uint64_t least, uint64_t most) {
    if (!repeatable_) problem_ = "there is nothing to repeat";
    if (least > most) problem_ = "the numbers in {} run backwards";
    bare();
    (void)take(u"?");
  }

  // "{2}", "{2,}", "{2,3}": one past its end; 0: none of these.
  size_t braces(uint64_t& least, uint64_t& most) const {
    size_t i = at_ + 1;
    const auto number = [&](uint64_t& out) {
      const size_t from = i;
      for (; i < text_.size() && is_digit(text_[i]); ++i) {
        out = std::min<uint64_t>(out * 10 + (text_[i] - u'0'), UINT32_MAX);
      }
      return i > from;
    };
    const auto is = [&](char16_t c) { return i < text_.size() && text_[i] == c; };
    if (!number(least)) return 0;
    most = least;
    if (is(u',')) {
      ++i;
      most = 0;
      if (!number(most)) most = UINT32_MAX;
    }
    return is(u'}') ? i + 1 : 0;
  }

  void open() {
    ++at_;
    repeatable_ = false;
    Group group;
    const bool catches_none = take(u"?:") || take(u"?=") || take(u"?!");
    group.looks_behind = !catches_none && (take(u"?<=") || take(u"?<!"));
    open_.push_back(group);
    if (catches_none || group.looks_behind) return;
    ++groups_;
    if (take(u"?<")) {
      const std::u16string name = group_name();
      if (name.empty()) problem_ = "the name of a group is none";
      if (!name.empty() && !names_.insert(name).second) problem_ = "two groups have the same name";
    } else if (next() == u'?') {
      problem_ = "what follows \"(?\" is unknown";
    }
  }

  void close() {
    if (open_.empty()) {
      problem_ = "a \")\" closes nothing";
      return;
    }
    repeatable_ = !open_.back().looks_behind;
    open_.pop_back();
    ++at_;
  }

  // Up to ">", behind which at_ then stands; empty: no name. Looks no further than a name goes.
  std::u16string group_name() {
    const size_t from = at_;
    while (begins_name(next()) || (at_ > from && is_digit(next()))) ++at_;
    const std::u16string name = text_.substr(from, at_ - from);
    return take(u">") ? name : std::u16string();
  }

  void escape() {
    if (next(1) == kNone) {
      problem_ = "it ends with a \"\\\"";
      return;
    }
    const char16_t c = next(1);
    if (c == u'b' || c == u'B') {
      ++at_;
      return bare();
    }
    atom(2);
    if (c != u'k') return;
    // A reference to a name only where some group has one; else a letter.
    const size_t before = at_;
    references_.push_back(take(u"<") ? group_name() : std::u16string());
    if (references_.back().empty()) at_ = before;
  }

  void check_references() {
    const bool known = std::all_of(references_.begin(), references_.end(),
                                   [&](const auto& name) { return names_.contains(name); });
    if (!known) problem_ = "it refers to a group that is not there";
  }

  // One member of a set; kNone: a class such as \d, which begins no range.
  char16_t member() {
    const char16_t c = text_[at_++];
    if (c != u'\\' || at_ == text_.size()) return c;
    const char16_t kind = text_[at_++];
    const auto digits = [&](size_t count) {
      unsigned value = 0;
      for (size_t i = 0; i < count; ++i) {
        const int digit = hex_digit(next(i));
        if (digit < 0) return kind;  // not that escape: the letter itself
        value = value * 16 + static_cast<unsigned>(digit);
      }
      at_ += count;
      return static_cast<char16_t>(value);
    };
    switch (kind) {
      case u'd':
      case u'D':
      case u's':
      case u'S':
      case u'w':
      case u'W': return kNone;
      case u'b': return u'\b';
      case u'f': return u'\f';
      case u'n': return u'\n';
      case u'r': return u'\r';
      case u't': return u'\t';
      case u'v': return u'\v';
      case u'x': return digits(2);
      case u'u': return digits(4);
      case u'c':
        if (!is_letter(next()) && !is_digit(next()) && next() != u'_') {
          --at_;
          return u'\\';
        }
        return text_[at_++] % 32;
      default: break;
    }
    if (kind < u'0' || kind > u'7') return kind;
    unsigned value = kind - u'0';  // octal, up to \377
    for (int i = 0; i < 2 && next() >= u'0' && next() <= u'7' && value * 8 < 256; ++i) {
      value = value * 8 + (text_[at_++] - u'0');
    }
    return static_cast<char16_t>(value);
  }

  void set() {
    ++at_;
    (void)take(u"^");
    while (at_ < text_.size() && text_[at_] != u']') {
      const char16_t first = member();
      if (next() != u'-' || next(1) == u']' || next(1) == kNone) continue;
      ++at_;
      const char16_t last = member();
      if (first != kNone && last != kNone && first > last)
        problem_ = "a range in [] runs backwards";
    }
    if (at_ >= text_.size()) {
      problem_ = "a \"[\" is not closed";
      return;
    }
    atom(1);
  }

  const std::u16string text_;
  size_t at_ = 0;
  bool repeatable_ = false;
  std::vector<Group> open_;
  size_t groups_ = 0;
  std::set<std::u16string> names_;
  std::vector<std::u16string> references_;
  std::optional<std::string> problem_;
};

}  // namespace

std::optional<std::string> extract_problem(std::string_view pattern) {
  return Check(pattern).run();
}

}  // namespace srt::runtime
