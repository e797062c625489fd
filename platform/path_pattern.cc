#include "platform/path_pattern.h"

#include <algorithm>

#include "oci/utf8.h"

namespace srt::platform {
namespace {

constexpr std::string_view kWildcards = "*?[";

struct Range {
  char32_t first = 0, last = 0;
};

// A member of a set, or a range of them, taken off `members`, which is what stands between the brackets.
Range take_range(std::string_view& members) {
  const char32_t first = oci::take_character(members);
  if (members.size() < 2 || members[0] != '-') return {first, first};
  members.remove_prefix(1);
  return {first, oci::take_character(members)};
}

// One past the `]` of a set, or npos where the brackets spell none and stand for themselves: there is
// nothing in them, or a range that runs backwards (`[user-id]`).
size_t set_end(std::string_view glob, size_t open) {
  const size_t close = glob.find(']', open + 1);
  if (close == std::string_view::npos || close == open + 1) return std::string_view::npos;
  for (std::string_view members = glob.substr(open + 1, close - open - 1); !members.empty();) {
    const Range range = take_range(members);
    if (range.first > range.last) return std::string_view::npos;
  }
  return close + 1;
}

// None of the members negates.
bool in_set(std::string_view members, char32_t character) {
  while (!members.empty()) {
    const Range range = take_range(members);
    if (range.first <= character && character <= range.last) return true;
  }
  return false;
}

// Whether the element of `glob` at `at` takes the first character of `name`. `next` is where the element behind it
// begins, `rest` what is left of the name.
bool takes(std::string_view glob, size_t at, std::string_view name, size_t& next,
           std::string_view& rest) {
  next = at + 1;
  rest = name;
  const char32_t character = oci::take_character(rest);
  if (glob[at] == '?') return true;
  if (glob[at] == '[') {
    if (size_t end = set_end(glob, at); end != std::string_view::npos) {
      next = end;
      return in_set(glob.substr(at + 1, end - at - 2), character);
    }
  }
  std::string_view text = glob.substr(at);
  const bool same = oci::take_character(text) == character;
  next = glob.size() - text.size();
  return same;
}

// Where a `**` with other text in its component begins, outside of sets; npos: nowhere.
size_t find_mixed(std::string_view part) {
  if (part.find_first_not_of('*') == std::string_view::npos) return std::string_view::npos;
  for (size_t i = 0; i + 1 < part.size(); ++i) {
    if (part[i] == '[') {
      if (size_t end = set_end(part, i); end != std::string_view::npos) i = end - 1;
    } else if (part[i] == '*' && part[i + 1] == '*') {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

PathComponents components(std::string_view path) {
  PathComponents parts;
  while (!path.empty()) {
    size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

bool glob_matches(std::string_view glob, std::string_view name) {
  size_t g = 0;
  size_t star = std::string_view::npos;  // the last `*`, and what it has not taken so far
  std::string_view resume;
  while (!name.empty()) {
    size_t next = 0;
    std::string_view rest;
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = name;
    } else if (g < glob.size() && takes(glob, g, name, next, rest)) {
      g = next;
      name = rest;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      (void)oci::take_character(resume);
      name = resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

std::optional<std::vector<std::string>> spread(std::string_view glob) {
  std::vector<std::string> pending = {std::string(glob)}, done;
  while (!pending.empty()) {
    const std::string text = std::move(pending.back());
    pending.pop_back();
    std::string before;
    std::string_view rest = text;
    size_t mixed = std::string_view::npos;
    std::string_view part;
    while (!rest.empty() && mixed == std::string_view::npos) {
      const size_t slash = std::min(rest.find('/'), rest.size());
      part = rest.substr(0, slash);
      mixed = find_mixed(part);
      if (mixed != std::string_view::npos) break;
      before.append(rest.substr(0, slash + 1));
      rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    if (mixed == std::string_view::npos) {
      done.push_back(text);
    } else {
      const std::string_view left = part.substr(0, mixed);
      const std::string right(
          part.substr(std::min(part.find_first_not_of('*', mixed), part.size())));
      const std::string after(rest.substr(part.size()));
      // All between the two in one component, or over several.
      const std::string first = before + std::string(left) + "*";
      pending.push_back(first + right + after);
      pending.push_back(first + "/**/*" + right + after);
      // "a**/b" is "ab" as well.
      if (right.empty() && after.size() > 1) {
        pending.push_back(before + std::string(left) + after.substr(1));
      }
    }
    if (pending.size() + done.size() > kMaxSpread) return std::nullopt;
  }
  return done;
}

std::string quote_glob(std::string_view path) {
  std::string quoted;
  for (const char c : path) {
    const bool special = kWildcards.find(c) != std::string_view::npos;
    quoted += special ? std::string("[") + c + "]" : std::string(1, c);
  }
  return quoted;
}

std::optional<PathPattern> PathPattern::parse(std::string_view text, Reading reading) {
  PathPattern pattern;
  pattern.text_ = text;
  for (std::string_view part : components(text)) {
    Segment::Kind kind = Segment::Kind::kName;
    if (reading == Reading::kGlob) {
      if (part.size() > 1 && part.find_first_not_of('*') == std::string_view::npos) {
        kind = Segment::Kind::kAnyDepth;
      } else if (part.find_first_of(kWildcards) != std::string_view::npos) {
        kind = Segment::Kind::kGlob;
      }
    }
    if (kind == Segment::Kind::kAnyDepth && !pattern.segments_.empty() &&
        pattern.segments_.back().kind == kind) {
      continue;
    }
    pattern.segments_.push_back({kind, std::string(part)});
  }
  // A trailing `/**` equals the directory: all below a match matches anyway.
  while (pattern.segments_.size() > 1 &&
         pattern.segments_.back().kind == Segment::Kind::kAnyDepth) {
    pattern.segments_.pop_back();
  }
  if (pattern.segments_.size() > kMaxSegments) return std::nullopt;
  return pattern;
}

bool PathPattern::fits(const Segment& segment, std::string_view name) const {
  switch (segment.kind) {
    case Segment::Kind::kName: return segment.text == name;
    case Segment::Kind::kGlob: return glob_matches(segment.text, name);
    case Segment::Kind::kAnyDepth: return true;
  }
  return true;
}

// `**` may stand for nothing.
uint64_t PathPattern::skip_any_depth(uint64_t states) const {
  for (size_t i = 0; i < segments_.size(); ++i) {
    if ((states >> i & 1) != 0 && segments_[i].kind == Segment::Kind::kAnyDepth) {
      states |= uint64_t{1} << (i + 1);
    }
  }
  return states;
}

uint64_t PathPattern::advance(uint64_t states, std::string_view name) const {
  uint64_t after = 0;
  for (size_t i = 0; i < segments_.size(); ++i) {
    if ((states >> i & 1) == 0 || segments_[i].kind == Segment::Kind::kAnyDepth) continue;
    if (fits(segments_[i], name)) after |= uint64_t{1} << (i + 1);
  }
  return after;
}

uint64_t PathPattern::step(uint64_t states, std::string_view name) const {
  uint64_t after = advance(states, name);
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].kind == Segment::Kind::kAnyDepth) after |= states & uint64_t{1} << i;
  }
  return skip_any_depth(after);
}

PathPattern::Match PathPattern::match(const PathComponents& path) const {
  const uint64_t complete = uint64_t{1} << segments_.size();
  uint64_t states = skip_any_depth(1), named = 0;
  for (size_t i = 0; states != 0; ++i) {
    if ((states & complete) != 0) return {true, i, 0, 0};
    if (i == path.size()) break;
    named = advance(states, path[i]);
    states = step(states, path[i]);
  }
  return {false, 0, states, named};
}

bool PathPattern::continues(uint64_t states, std::string_view name) const {
  return step(states, name) != 0;
}

size_t PathPattern::literal_prefix() const {
  size_t count = 0;
  while (count < segments_.size() && segments_[count].kind == Segment::Kind::kName) ++count;
  return count;
}

}  // namespace srt::platform
