#include "platform/linux/broker/path_pattern.h"

namespace srt::platform {
namespace {

constexpr std::string_view kWildcards = "*?[";

// One past the `]`, or npos: then the `[` stands for itself.
size_t class_end(std::string_view glob, size_t open) {
  size_t i = open + 1;
  if (i < glob.size() && (glob[i] == '!' || glob[i] == '^')) ++i;
  if (i < glob.size() && glob[i] == ']') ++i;
  size_t close = glob.find(']', i);
  return close == std::string_view::npos ? close : close + 1;
}

// `members` is what stands between the brackets.
bool in_class(std::string_view members, char c) {
  bool negated = !members.empty() && (members[0] == '!' || members[0] == '^');
  if (negated) members.remove_prefix(1);
  const auto code = static_cast<unsigned char>(c);
  bool found = false;
  for (size_t i = 0; i < members.size(); ++i) {
    const auto low = static_cast<unsigned char>(members[i]);
    if (i + 2 < members.size() && members[i + 1] == '-') {
      found |= low <= code && code <= static_cast<unsigned char>(members[i + 2]);
      i += 2;
    } else {
      found |= low == code;
    }
  }
  return found != negated;
}

// Whether the element of `glob` at `at` takes `c`; `next` is where the one behind it begins.
bool takes(std::string_view glob, size_t at, char c, size_t& next) {
  next = at + 1;
  if (glob[at] == '?') return true;
  if (glob[at] == '[') {
    if (size_t end = class_end(glob, at); end != std::string_view::npos) {
      next = end;
      return in_class(glob.substr(at + 1, end - at - 2), c);
    }
  }
  return glob[at] == c;
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
  size_t g = 0, n = 0;
  size_t star = std::string_view::npos, resume = 0;  // the last `*`, and what it has taken so far
  while (n < name.size()) {
    size_t next = 0;
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = n;
    } else if (g < glob.size() && takes(glob, g, name[n], next)) {
      g = next;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

std::optional<PathPattern> PathPattern::parse(std::string_view text, Reading reading) {
  PathPattern pattern;
  pattern.text_ = text;
  for (std::string_view part : components(text)) {
    Segment::Kind kind = Segment::Kind::kName;
    if (reading == Reading::kGlob) {
      if (part == "**") {
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
