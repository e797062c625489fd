#include "runtime/path_pattern.h"

#include <algorithm>
#include <utility>

#include "oci/utf8.h"

namespace srt::runtime {

PathPattern::PathPattern(std::string base, std::string rest)
    : base_(std::move(base)), rest_(std::move(rest)) {
  using Kind = Token::Kind;
  tokens_.push_back({Kind::kCharacter, U'/', {}});
  size_t tail = 0;  // where the literal end of the last name begins
  for (size_t i = 0; i < rest_.size();) {
    std::string_view left = std::string_view(rest_).substr(i);
    const size_t stars = std::min(left.find_first_not_of('*'), left.size());
    size_t set_end = 0;
    if (stars == 2 && left.size() > 2 && left[2] == '/') {
      tokens_.push_back({Kind::kOptional, 0, {}});
      tokens_.push_back({Kind::kFolders, 0, {}});
      tail = i += 3;
    } else if (stars >= 2) {
      tokens_.push_back({Kind::kAnything, 0, {}});
      tail = i += stars;
    } else if (left[0] == '*') {
      tokens_.push_back({Kind::kStar, 0, {}});
      tail = ++i;
    } else if (left[0] == '?') {
      tokens_.push_back({Kind::kOneOf, 0, {}});
      tail = ++i;
    } else if (left[0] == '[' && (set_end = add_set(i)) != 0) {
      tail = i = set_end;
    } else {
      tokens_.push_back({Kind::kCharacter, oci::take_character(left), {}});
      i = rest_.size() - left.size();
      if (rest_[i - 1] == '/') tail = i;
    }
  }
  tail_ = rest_.substr(tail);
}

// A set runs to the next "]", and all between the two are members.
size_t PathPattern::add_set(size_t open) {
  const size_t close = rest_.find(']', open + 1);
  if (close == std::string::npos || close == open + 1) return 0;
  std::u32string members;
  std::string_view between = std::string_view(rest_).substr(open + 1, close - open - 1);
  while (!between.empty()) members += oci::take_character(between);
  Token token{Token::Kind::kOneOf, 0, {}};
  for (size_t i = 0; i < members.size(); ++i) {
    const bool range = i + 2 < members.size() && members[i + 1] == U'-';
    const char32_t first = members[i], last = members[range ? i + 2 : i];
    if (first > last) return 0;
    token.set += first;
    token.set += last;
    if (range) i += 2;
  }
  tokens_.push_back(std::move(token));
  return close + 1;
}

std::string PathPattern::text() const { return (base_ == "/" ? "" : base_) + "/" + rest_; }

// What can be had without a further character.
void PathPattern::enter(States& states, size_t at) const {
  using Kind = Token::Kind;
  if (states[at]) return;
  states[at] = true;
  if (at == tokens_.size()) return;
  switch (tokens_[at].kind) {
    case Kind::kStar:
    case Kind::kAnything: return enter(states, at + 1);
    case Kind::kOptional: enter(states, at + 2); return enter(states, at + 1);
    case Kind::kCharacter:
    case Kind::kOneOf:
    case Kind::kFolders: return;
  }
}

PathPattern::States PathPattern::step(const States& states, char32_t c) const {
  using Kind = Token::Kind;
  States next(states.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (!states[i]) continue;
    const Token& token = tokens_[i];
    switch (token.kind) {
      case Kind::kCharacter:
        if (c == token.character) enter(next, i + 1);
        break;
      case Kind::kOneOf: {
        bool within = token.set.empty();
        for (size_t j = 0; j + 1 < token.set.size(); j += 2) {
          within |= token.set[j] <= c && c <= token.set[j + 1];
        }
        if (c != U'/' && within) enter(next, i + 1);
        break;
      }
      case Kind::kStar:
        if (c != U'/') enter(next, i);
        break;
      case Kind::kAnything: enter(next, i); break;
      case Kind::kOptional: break;
      case Kind::kFolders:
        enter(next, i);
        if (c == U'/') enter(next, i + 1);
        break;
    }
  }
  return next;
}

PathPattern::States PathPattern::begin() const {
  States states(tokens_.size() + 1);
  enter(states, 0);
  return states;
}

PathPattern::States PathPattern::below(const States& folder, std::string_view name) const {
  States states = step(folder, U'/');
  while (!name.empty()) states = step(states, oci::take_character(name));
  return states;
}

bool PathPattern::may_continue(const States& states) const {
  const States next = step(states, U'/');
  return std::any_of(next.begin(), next.end(), [](bool bit) { return bit; });
}

size_t PathPattern::covered(std::string_view path) const {
  const size_t front = base_ == "/" ? 0 : base_.size();
  if (front > 0 && !path.starts_with(base_)) return 0;
  if (path.size() <= front || path[front] != '/') return 0;
  States states = begin();
  size_t longest = 0;
  for (std::string_view left = path.substr(front); !left.empty();) {
    if (left[0] == '/' && accepts(states)) longest = path.size() - left.size();
    states = step(states, oci::take_character(left));
  }
  return accepts(states) ? path.size() : longest;
}

bool PathPattern::matches(std::string_view path) const { return covered(path) == path.size(); }

}  // namespace srt::runtime
