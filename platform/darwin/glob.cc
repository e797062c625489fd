#include "platform/darwin/glob.h"

#include <algorithm>

#include "oci/utf8.h"
#include "platform/darwin/regex.h"

namespace srt::platform::darwin {
namespace {

constexpr std::string_view kAndBelow = "(/.*)?$";
constexpr char32_t kAscii = 0x80;
constexpr char32_t kLast = 0x10ffff;
constexpr char32_t kMostSpelled = 1024;  // characters outside ASCII that a set may have
// One character of UTF-8 but "/". Names on APFS and HFS+ are nothing else.
constexpr std::string_view kOneCharacter = "([\x01-.0-\x7f]|[\xc2-\xf4][\x80-\xbf]+)";

char32_t lower(char32_t c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

// Within brackets only what no dialect reads otherwise.
bool is_plain_in_brackets(char32_t c) {
  return c != ']' && c != '[' && c != '\\' && c != '^' && c != '-';
}

// As take_character() reads it: what begins no character is a byte above all code points.
std::string spelled(char32_t c) {
  constexpr char32_t kAboveAll = 0x110000;
  const auto part = [&](int shift, char32_t lead) {
    return static_cast<char>(lead | (lead == 0x80 ? c >> shift & 0x3f : c >> shift));
  };
  if (c >= kAboveAll) return {static_cast<char>(c - kAboveAll)};
  if (c < kAscii) return {static_cast<char>(c)};
  if (c < 0x800) return {part(6, 0xc0), part(0, 0x80)};
  if (c < 0x10000) return {part(12, 0xe0), part(6, 0x80), part(0, 0x80)};
  return {part(18, 0xf0), part(12, 0x80), part(6, 0x80), part(0, 0x80)};
}

bool is_in(const std::vector<std::pair<char32_t, char32_t>>& set, char32_t c) {
  return c != '/' && std::any_of(set.begin(), set.end(), [&](const auto& range) {
           return range.first <= c && c <= range.second;
         });
}

// "[a-f]" of plain ASCII, the others beside it; a "/" is never one of a set. Empty: it cannot be said.
std::string one_of(const std::vector<std::pair<char32_t, char32_t>>& set) {
  std::string brackets, beside;
  for (char32_t c = 1; c < kAscii;) {
    if (!is_in(set, c)) {
      ++c;
    } else if (!is_plain_in_brackets(c)) {
      beside += '|' + regex_exact(spelled(c++));
    } else {
      const char32_t first = c;
      while (c < kAscii && is_in(set, c) && is_plain_in_brackets(c)) ++c;
      brackets += static_cast<char>(first);
      if (c - first > 2) brackets += '-';
      if (c - first > 1) brackets += static_cast<char>(c - 1);
    }
  }
  for (const auto& [first, last] : set) {
    if (last < kAscii) continue;
    if (last - std::max(first, kAscii) >= kMostSpelled) return {};
    for (char32_t c = std::max(first, kAscii); c <= last; ++c) beside += '|' + spelled(c);
  }
  if (brackets.empty() && beside.empty()) return {};
  if (brackets.empty()) return "(" + beside.substr(1) + ")";
  if (beside.empty()) return "[" + brackets + "]";
  return "([" + brackets + "]" + beside + ")";
}

}  // namespace

std::optional<Glob> Glob::parse(std::string_view base, std::string_view rest, Case letters) {
  using Kind = Token::Kind;
  Glob glob;
  glob.base_ = base == "/" ? "" : std::string(base);
  glob.rest_ = std::string(rest);
  glob.letters_ = letters;
  glob.tokens_.push_back({Kind::kText, '/', "/", {}, {}});
  for (size_t i = 0; i < rest.size();) {
    std::string_view left = rest.substr(i);
    const size_t stars = std::min(left.find_first_not_of('*'), left.size());
    if (stars == 2 && left.size() > 2 && left[2] == '/') {
      glob.tokens_.push_back({Kind::kFolders, 0, {}, {}, {}});
      i += 3;
    } else if (stars >= 2) {
      glob.tokens_.push_back({Kind::kAnything, 0, {}, {}, {}});
      i += stars;
    } else if (stars == 1) {
      glob.tokens_.push_back({Kind::kStar, 0, {}, {}, {}});
      ++i;
    } else if (left[0] == '?') {
      glob.tokens_.push_back({Kind::kOneOf, 0, {}, {{1, kLast}}, std::string(kOneCharacter)});
      ++i;
    } else if (const auto set = left[0] == '[' ? glob.read_set(i) : std::nullopt) {
      glob.tokens_.push_back({Kind::kOneOf, 0, {}, *set, one_of(*set)});
      if (glob.tokens_.back().regex.empty()) return std::nullopt;
      i = rest.find(']', i) + 1;
    } else {
      const char32_t character = oci::take_character(left);
      glob.tokens_.push_back({Kind::kText, character, spelled(character), {}, {}});
      i = rest.size() - left.size();
    }
  }
  return glob;
}

// A set runs to the next "]", and all between the two are members. nullopt: these brackets spell none.
std::optional<Glob::Set> Glob::read_set(size_t open) const {
  const size_t close = rest_.find(']', open + 1);
  if (close == rest_.npos || close == open + 1) return std::nullopt;
  std::u32string members;
  std::string_view between = std::string_view(rest_).substr(open + 1, close - open - 1);
  while (!between.empty()) members += oci::take_character(between);
  Set set;
  for (size_t i = 0; i < members.size(); ++i) {
    const bool range = i + 2 < members.size() && members[i + 1] == '-';
    const char32_t first = members[i], last = members[range ? i + 2 : i];
    if (first > last) return std::nullopt;
    set.emplace_back(first, last);
    if (range) i += 2;
  }
  if (letters_ == Case::kExact) return set;
  const Set as_written = set;
  for (char32_t c = 'a'; c <= 'z'; ++c) {
    const char32_t large = c - ('a' - 'A');
    if (is_in(as_written, c)) set.emplace_back(large, large);
    if (is_in(as_written, large)) set.emplace_back(c, c);
  }
  return set;
}

std::string Glob::regex_of(size_t first, size_t end) const {
  using Kind = Token::Kind;
  std::string out, text;
  const auto end_text = [&] {
    out += letters_ == Case::kAny ? regex_any_case(text) : regex_exact(text);
    text.clear();
  };
  for (size_t i = first; i < end; ++i) {
    if (tokens_[i].kind == Kind::kText) {
      text += tokens_[i].bytes;
      continue;
    }
    end_text();
    switch (tokens_[i].kind) {
      case Kind::kText: break;
      case Kind::kOneOf: out += tokens_[i].regex; break;
      case Kind::kStar: out += "[^/]*"; break;
      case Kind::kAnything: out += ".*"; break;
      case Kind::kFolders: out += "(.*/)?"; break;
    }
  }
  end_text();
  return out;
}

std::string Glob::front() const { return "^" + regex_exact(base_); }

std::string Glob::cover() const {
  return front() + regex_of(0, tokens_.size()) + std::string(kAndBelow);
}

bool Glob::at_any_depth() const { return rest_.starts_with("**/"); }

// ---- which tokens a text may have come to ----

// kFolders has two states: before it, and (its own index + tokens_.size() + 1) within it.
void Glob::enter(States& states, size_t at) const {
  using Kind = Token::Kind;
  if (states[at]) return;
  states[at] = true;
  if (at >= tokens_.size()) return;
  switch (tokens_[at].kind) {
    case Kind::kStar:
    case Kind::kAnything: return enter(states, at + 1);
    case Kind::kFolders: states[at + tokens_.size() + 1] = true; return enter(states, at + 1);
    case Kind::kText:
    case Kind::kOneOf: return;
  }
}

bool Glob::accepts(const Token& token, char32_t c) const {
  if (token.kind == Token::Kind::kOneOf) return is_in(token.set, c);
  return letters_ == Case::kAny ? lower(c) == lower(token.character) : c == token.character;
}

Glob::States Glob::step(const States& states, char32_t c) const {
  using Kind = Token::Kind;
  States next(states.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const bool within = states[i + tokens_.size() + 1];
    if (within) {
      next[i + tokens_.size() + 1] = true;
      if (c == '/') enter(next, i + 1);
    }
    if (!states[i]) continue;
    switch (tokens_[i].kind) {
      case Kind::kText:
      case Kind::kOneOf:
        if (accepts(tokens_[i], c)) enter(next, i + 1);
        break;
      case Kind::kStar:
        if (c != '/') enter(next, i);
        break;
      case Kind::kAnything: enter(next, i); break;
      case Kind::kFolders: break;  // what it took is the state within
    }
  }
  return next;
}

Glob::States Glob::states_after(std::string_view text) const {
  States states(2 * tokens_.size() + 1);
  enter(states, 0);
  while (!text.empty()) states = step(states, oci::take_character(text));
  return states;
}

bool Glob::matches(std::string_view place) const {
  return place.starts_with(base_) && states_after(place.substr(base_.size()))[tokens_.size()];
}

bool Glob::covers(std::string_view place) const {
  if (!place.starts_with(base_)) return false;
  for (size_t at = base_.size() + 1; at <= place.size(); ++at) {
    if ((at == place.size() || place[at] == '/') && matches(place.substr(0, at))) return true;
  }
  return false;
}

std::optional<std::string> Glob::cover_below(std::string_view place) const {
  const std::string folder(place == "/" ? "" : place);
  const States states = states_after((folder + "/").substr(base_.size()));
  std::string ways;
  for (size_t i = 0; i <= tokens_.size(); ++i) {
    if (states[i]) ways += "|" + regex_of(i, tokens_.size());
    if (i < tokens_.size() && states[i + tokens_.size() + 1])
      ways += "|.*/" + regex_of(i + 1, tokens_.size());
  }
  if (ways.empty()) return std::nullopt;
  return "^" + regex_exact(folder) + "/(" + ways.substr(1) + ")" + std::string(kAndBelow);
}

std::vector<Glob::Step> Glob::steps() const {
  std::vector<Step> out;
  bool wild = false, deep = false;  // of the component so far
  for (size_t i = 1; i < tokens_.size(); ++i) {
    switch (tokens_[i].kind) {
      case Token::Kind::kOneOf:
      case Token::Kind::kStar: wild = true; break;
      case Token::Kind::kAnything: wild = deep = true; break;
      case Token::Kind::kText:
        if (tokens_[i].character != '/') break;
        out.push_back({front() + regex_of(0, i) + "$", wild, deep});
        wild = deep = false;
        break;
      case Token::Kind::kFolders:
        // Any folder at the beginning: wherever one goes, the pattern is still there.
        if (i > 1) out.push_back({front() + regex_of(0, i) + ".*$", true, true});
        wild = deep = false;
        break;
    }
  }
  return out;
}

}  // namespace srt::platform::darwin
