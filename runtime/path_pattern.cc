#include "runtime/path_pattern.h"

#include <algorithm>
#include <utility>

namespace srt::runtime {

PathPattern::PathPattern(std::string base, std::string rest)
    : base_(std::move(base)), rest_(std::move(rest)) {
  using Kind = Token::Kind;
  tokens_.push_back({Kind::kCharacter, '/', {}});
  for (size_t i = 0; i < rest_.size();) {
    const std::string_view left = std::string_view(rest_).substr(i);
    const size_t stars = std::min(left.find_first_not_of('*'), left.size());
    size_t set_end = 0;
    if (stars == 2 && left.size() > 2 && left[2] == '/') {
      tokens_.push_back({Kind::kOptional, 0, {}});
      tokens_.push_back({Kind::kFolders, 0, {}});
      i += 3;
    } else if (stars >= 2) {
      tokens_.push_back({Kind::kAnything, 0, {}});
      i += stars;
    } else if (left[0] == '*') {
      tokens_.push_back({Kind::kStar, 0, {}});
      ++i;
    } else if (left[0] == '?') {
      tokens_.push_back({Kind::kOneOf, 0, {}});
      ++i;
    } else if (left[0] == '[' && (set_end = add_set(i)) != 0) {
      i = set_end;
    } else {
      tokens_.push_back({Kind::kCharacter, left[0], {}});
      ++i;
    }
  }
  tail_ = literal_tail();
}

std::string PathPattern::literal_tail() const {
  std::string tail;
  for (auto token = tokens_.rbegin(); token != tokens_.rend(); ++token) {
    if (token->kind != Token::Kind::kCharacter || token->character == '/') break;
    tail.insert(tail.begin(), token->character);
  }
  return tail;
}

// A set runs to the next "]", and all between the two are members.
size_t PathPattern::add_set(size_t open) {
  const size_t close = rest_.find(']', open + 1);
  if (close == std::string::npos || close == open + 1) return 0;
  Token token{Token::Kind::kOneOf, 0, {}};
  for (size_t i = open + 1; i < close; ++i) {
    const bool range = i + 2 < close && rest_[i + 1] == '-';
    const char first = rest_[i], last = rest_[range ? i + 2 : i];
    if (static_cast<unsigned char>(first) > static_cast<unsigned char>(last)) return 0;
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

PathPattern::States PathPattern::step(const States& states, char c) const {
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
        const auto byte = static_cast<unsigned char>(c);
        for (size_t j = 0; j + 1 < token.set.size(); j += 2) {
          within |= static_cast<unsigned char>(token.set[j]) <= byte &&
                    byte <= static_cast<unsigned char>(token.set[j + 1]);
        }
        if (c != '/' && within) enter(next, i + 1);
        break;
      }
      case Kind::kStar:
        if (c != '/') enter(next, i);
        break;
      case Kind::kAnything: enter(next, i); break;
      case Kind::kOptional: break;
      case Kind::kFolders:
        enter(next, i);
        if (c == '/') enter(next, i + 1);
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
  States states = step(folder, '/');
  for (const char c : name) states = step(states, c);
  return states;
}

bool PathPattern::may_continue(const States& states) const {
  const States next = step(states, '/');
  return std::any_of(next.begin(), next.end(), [](bool bit) { return bit; });
}

size_t PathPattern::covered(std::string_view path) const {
  const size_t front = base_ == "/" ? 0 : base_.size();
  if (front > 0 && !path.starts_with(base_)) return 0;
  if (path.size() <= front || path[front] != '/') return 0;
  States states = begin();
  size_t longest = 0;
  for (size_t i = front; i < path.size(); ++i) {
    if (path[i] == '/' && accepts(states)) longest = i;
    states = step(states, path[i]);
  }
  return accepts(states) ? path.size() : longest;
}

bool PathPattern::matches(std::string_view path) const { return covered(path) == path.size(); }

}  // namespace srt::runtime
