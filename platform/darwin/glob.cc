#include "platform/darwin/glob.h"

#include <algorithm>

#include "platform/darwin/regex.h"

namespace srt::platform::darwin {
namespace {

constexpr std::string_view kAndBelow = "(/.*)?$";
constexpr size_t kBytes = 256;

unsigned char byte(char c) { return static_cast<unsigned char>(c); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Within brackets only what no dialect reads otherwise.
bool is_plain_in_brackets(size_t c) {
  return c != ']' && c != '[' && c != '\\' && c != '^' && c != '-';
}

// "[a-f]" of plain bytes, the others beside it; a "/" is never one of a set.
std::string one_of(const std::vector<bool>& set) {
  std::string brackets, beside;
  for (size_t c = 1; c < kBytes;) {
    if (!set[c] || c == '/') {
      ++c;
    } else if (!is_plain_in_brackets(c)) {
      beside += '|' + regex_exact(std::string(1, static_cast<char>(c++)));
    } else {
      const size_t first = c;
      while (c < kBytes && set[c] && c != '/' && is_plain_in_brackets(c)) ++c;
      brackets += static_cast<char>(first);
      if (c - first > 2) brackets += '-';
      if (c - first > 1) brackets += static_cast<char>(c - 1);
    }
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
  glob.tokens_.push_back({Kind::kText, '/', {}, {}});
  for (size_t i = 0; i < rest.size();) {
    const std::string_view left = rest.substr(i);
    const size_t stars = std::min(left.find_first_not_of('*'), left.size());
    if (stars == 2 && left.size() > 2 && left[2] == '/') {
      glob.tokens_.push_back({Kind::kFolders, 0, {}, {}});
      i += 3;
    } else if (stars >= 2) {
      glob.tokens_.push_back({Kind::kAnything, 0, {}, {}});
      i += stars;
    } else if (stars == 1) {
      glob.tokens_.push_back({Kind::kStar, 0, {}, {}});
      ++i;
    } else if (left[0] == '?') {
      glob.tokens_.push_back({Kind::kOneOf, 0, States(kBytes, true), "[^/]"});
      ++i;
    } else if (const auto set = left[0] == '[' ? glob.read_set(i) : std::nullopt) {
      glob.tokens_.push_back({Kind::kOneOf, 0, *set, one_of(*set)});
      if (glob.tokens_.back().regex.empty()) return std::nullopt;
      i = rest.find(']', i) + 1;
    } else {
      glob.tokens_.push_back({Kind::kText, left[0], {}, {}});
      ++i;
    }
  }
  return glob;
}

// A set runs to the next "]", and all between the two are members. nullopt: these brackets spell none.
std::optional<Glob::States> Glob::read_set(size_t open) const {
  const size_t close = rest_.find(']', open + 1);
  if (close == rest_.npos || close == open + 1) return std::nullopt;
  States set(kBytes);
  for (size_t i = open + 1; i < close; ++i) {
    const bool range = i + 2 < close && rest_[i + 1] == '-';
    const size_t first = byte(rest_[i]), last = byte(rest_[range ? i + 2 : i]);
    if (first > last) return std::nullopt;
    for (size_t c = first; c <= last; ++c) set[c] = true;
    if (range) i += 2;
  }
  for (size_t c = 'a'; letters_ == Case::kAny && c <= 'z'; ++c) {
    const size_t large = c - ('a' - 'A');
    set[c] = set[large] = set[c] || set[large];
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
      text += tokens_[i].character;
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

bool Glob::accepts(const Token& token, char c) const {
  if (token.kind == Token::Kind::kOneOf) return c != '/' && token.set[byte(c)];
  return letters_ == Case::kAny ? lower(c) == lower(token.character) : c == token.character;
}

Glob::States Glob::step(const States& states, char c) const {
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
  for (const char c : text) states = step(states, c);
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
