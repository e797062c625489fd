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
    const bool at_start = i == 0 || rest[i - 1] == '/';
    if (at_start && left.starts_with("**/")) {
      glob.tokens_.push_back({Kind::kFolders, 0, {}, {}});
      i += 3;
    } else if (left.starts_with("**")) {
      glob.tokens_.push_back({Kind::kAnything, 0, {}, {}});
      i = std::min(rest.find_first_not_of('*', i), rest.size());
    } else if (left[0] == '*') {
      glob.tokens_.push_back({Kind::kStar, 0, {}, {}});
      ++i;
    } else if (left[0] == '?') {
      glob.tokens_.push_back({Kind::kOneOf, 0, States(kBytes, true), "[^/]"});
      ++i;
    } else if (size_t end = 0; left[0] == '[' && left.find(']', 2) != left.npos) {
      if (!glob.add_set(i, end)) return std::nullopt;
      i = end;
    } else {
      glob.tokens_.push_back({Kind::kText, left[0], {}, {}});
      ++i;
    }
  }
  return glob;
}

// POSIX: a "]" right behind the opening (or its "!") is one of the characters. False: it cannot be said.
bool Glob::add_set(size_t open, size_t& end) {
  size_t i = open + 1;
  const bool inverted = rest_[i] == '!' || rest_[i] == '^';
  if (inverted) ++i;
  const size_t close = rest_.find(']', i + 1);
  if (close == rest_.npos) {  // "[!]": no set after all
    tokens_.push_back({Token::Kind::kText, '[', {}, {}});
    end = open + 1;
    return true;
  }
  States set(kBytes);
  while (i < close) {
    const bool range = i + 2 < close && rest_[i + 1] == '-';
    for (size_t c = byte(rest_[i]); c <= byte(rest_[range ? i + 2 : i]); ++c) set[c] = true;
    i += range ? 3 : 1;
  }
  // Of an inverted one only what is written is left out.
  for (size_t c = 'a'; letters_ == Case::kAny && !inverted && c <= 'z'; ++c) {
    const size_t large = c - ('a' - 'A');
    set[c] = set[large] = set[c] || set[large];
  }
  Token token{Token::Kind::kOneOf, 0, set, {}};
  if (inverted) {
    token.set.flip();
    if (set[']'] || set['\\']) return false;
    std::string excluded;
    for (size_t c = 1; c < kBytes; ++c) {
      if (set[c] && c != '-' && c != '^' && c != '/') excluded += static_cast<char>(c);
    }
    if (set['^']) excluded += '^';
    if (set['-']) excluded += '-';
    token.regex = "[^/" + excluded + "]";
  } else {
    token.regex = one_of(set);
    if (token.regex.empty()) return false;
  }
  tokens_.push_back(std::move(token));
  end = close + 1;
  return true;
}

std::string Glob::regex_from(size_t token) const {
  using Kind = Token::Kind;
  std::string out, text;
  const auto end_text = [&] {
    out += letters_ == Case::kAny ? regex_any_case(text) : regex_exact(text);
    text.clear();
  };
  for (size_t i = token; i < tokens_.size(); ++i) {
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

std::string Glob::cover() const { return front() + regex_from(0) + std::string(kAndBelow); }

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
    if (states[i]) ways += "|" + regex_from(i);
    if (i < tokens_.size() && states[i + tokens_.size() + 1]) ways += "|.*/" + regex_from(i + 1);
  }
  if (ways.empty()) return std::nullopt;
  return "^" + regex_exact(folder) + "/(" + ways.substr(1) + ")" + std::string(kAndBelow);
}

std::vector<Glob::Step> Glob::steps() const {
  std::vector<Step> out;
  size_t from = 0;
  for (size_t slash; (slash = rest_.find('/', from)) != rest_.npos; from = slash + 1) {
    const std::string_view name = std::string_view(rest_).substr(from, slash - from);
    const std::string way = rest_.substr(0, slash);
    // Any folder at the beginning: wherever one goes, the pattern is still there.
    if (from == 0 && name == "**") continue;
    const bool deep = name.find("**") != name.npos;
    const auto step = parse(base_, way, letters_);
    if (!step) continue;  // the whole was parsed, so this is, too
    out.push_back(
        {step->front() + step->regex_from(0) + "$", name.find_first_of("*?[") != name.npos, deep});
  }
  return out;
}

}  // namespace srt::platform::darwin
